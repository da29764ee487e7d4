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
         MONTH_OF(d.day) AS period,
         EXACT_SUM(d.kwh) AS kwh,
         EXACT_SUM(d.peak_kwh) AS peak_kwh,
         EXACT_SUM(d.valley_kwh) AS valley_kwh,
         EXACT_SUM(d.night_kwh) AS night_kwh,
         COALESCE(EXACT_SUM(d.kwh) FILTER (WHERE c.iso_weekday >= 6), 0) AS weekend_kwh,
         MAX(d.max_kw) AS max_kw,
         EXACT_SUM(d.hours) AS hours,
         COUNT(*) AS days,
         RATIO(SUM(d.intervals_measured + d.intervals_estimated), SUM(d.intervals_expected)) AS interval_share
  FROM facts.account_consumption_daily AS d
  JOIN core.calendar AS c ON c.day = d.day
  GROUP BY d.account_id, MONTH_OF(d.day)
)
SELECT s.account_id,
       s.period,
       s.kwh,
       RATIO(s.peak_kwh, s.kwh) AS peak_share,
       RATIO(s.valley_kwh, s.kwh) AS valley_share,
       RATIO(s.night_kwh, s.kwh) AS night_share,
       RATIO(s.weekend_kwh, s.kwh) AS weekend_share,
       RATIO(RATIO(s.kwh, s.hours), s.max_kw) AS load_factor,
       s.max_kw,
       s.days,
       s.interval_share
FROM summed AS s
