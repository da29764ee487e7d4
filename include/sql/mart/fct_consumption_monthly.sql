/*
grain: one row an account and calendar month with intervals
key: [account_id, period]
purpose: How an account used energy in a month.
columns:
  account_id: {type: string, doc: The supply account.}
  period: {type: date, doc: First day of the month.}
  kwh: {type: double, doc: Energy used on the days that have intervals.}
  peak_share: {type: double, doc: 'Share in peak hours; shares are empty where no energy was used.'}
  valley_share: {type: double, doc: Share in valley hours.}
  night_share: {type: double, doc: Share at night.}
  weekend_share: {type: double, doc: Share on Saturdays and Sundays.}
  load_factor: {type: double, doc: 'Mean power over the hours covered, over max_kw.'}
  max_kw: {type: double, doc: Highest mean power of an interval.}
  days: {type: integer, doc: Days with intervals.}
  interval_share: {type: double, doc: Measured and estimated intervals over those expected on these days.}
*/
WITH summed AS (
  SELECT d.account_id,
         CAST(DATE_TRUNC('month', d.day) AS DATE) AS period,
         ROUND(SUM(ROUND(d.kwh * 1000000)) * 0.000001, 6) AS kwh,
         ROUND(SUM(ROUND(d.peak_kwh * 1000000)) * 0.000001, 6) AS peak_kwh,
         ROUND(SUM(ROUND(d.valley_kwh * 1000000)) * 0.000001, 6) AS valley_kwh,
         ROUND(SUM(ROUND(d.night_kwh * 1000000)) * 0.000001, 6) AS night_kwh,
         COALESCE(ROUND(SUM(ROUND(d.kwh * 1000000)) FILTER (WHERE c.iso_weekday >= 6) * 0.000001, 6), 0) AS weekend_kwh,
         MAX(d.max_kw) AS max_kw,
         ROUND(SUM(ROUND(d.hours * 1000000)) * 0.000001, 6) AS hours,
         COUNT(*) AS days,
         CAST(SUM(d.intervals_measured + d.intervals_estimated) AS DOUBLE) / NULLIF(SUM(d.intervals_expected), 0) AS interval_share
  FROM facts.account_consumption_daily AS d
  JOIN core.calendar AS c ON c.day = d.day
  GROUP BY d.account_id, CAST(DATE_TRUNC('month', d.day) AS DATE)
)
SELECT s.account_id,
       s.period,
       s.kwh,
       s.peak_kwh / NULLIF(s.kwh, 0) AS peak_share,
       s.valley_kwh / NULLIF(s.kwh, 0) AS valley_share,
       s.night_kwh / NULLIF(s.kwh, 0) AS night_share,
       s.weekend_kwh / NULLIF(s.kwh, 0) AS weekend_share,
       s.kwh / NULLIF(s.hours, 0) / NULLIF(s.max_kw, 0) AS load_factor,
       s.max_kw,
       s.days,
       s.interval_share
FROM summed AS s
