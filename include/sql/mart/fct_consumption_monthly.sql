/*
grain: one row per account and calendar month with intervals
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
  org_unit_id: {type: string, doc: Unit of the account.}
incremental: {by: period, reads: {facts.account_consumption_daily: {}}}
*/
WITH summed AS (
  SELECT
    account_consumption_daily.account_id,
    MONTH_OF(account_consumption_daily.day) AS period,
    EXACT_SUM(account_consumption_daily.kwh) AS kwh,
    EXACT_SUM(account_consumption_daily.peak_kwh) AS peak_kwh,
    EXACT_SUM(account_consumption_daily.valley_kwh) AS valley_kwh,
    EXACT_SUM(account_consumption_daily.night_kwh) AS night_kwh,
    COALESCE(EXACT_SUM(account_consumption_daily.kwh) FILTER (WHERE calendar.iso_weekday >= 6), 0)
      AS weekend_kwh,
    MAX(account_consumption_daily.max_kw) AS max_kw,
    EXACT_SUM(account_consumption_daily.hours) AS hours,
    COUNT(*) AS days,
    RATIO(
      SUM(account_consumption_daily.intervals_measured + account_consumption_daily.intervals_estimated),
      SUM(account_consumption_daily.intervals_expected)
    ) AS interval_share
  FROM facts.account_consumption_daily
  JOIN core.calendar ON calendar.day = account_consumption_daily.day
  GROUP BY account_consumption_daily.account_id, MONTH_OF(account_consumption_daily.day)
)

SELECT
  summed.account_id,
  summed.period,
  summed.kwh,
  RATIO(summed.peak_kwh, summed.kwh) AS peak_share,
  RATIO(summed.valley_kwh, summed.kwh) AS valley_share,
  RATIO(summed.night_kwh, summed.kwh) AS night_share,
  RATIO(summed.weekend_kwh, summed.kwh) AS weekend_share,
  RATIO(RATIO(summed.kwh, summed.hours), summed.max_kw) AS load_factor,
  summed.max_kw,
  summed.days,
  summed.interval_share,
  account.org_unit_id
FROM summed
LEFT JOIN source.account ON account.account_id = summed.account_id
