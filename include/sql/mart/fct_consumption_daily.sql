/*
grain: one row per account and local day with intervals
key: [account_id, day]
purpose: What an account used each day, main points less sub points, after validation and editing.
columns:
  account_id: {type: string, doc: The supply account.}
  day: {type: date, doc: Local day.}
  kwh: {type: double, doc: Energy used.}
  peak_kwh: {type: double, doc: In peak hours (core.hour_band).}
  valley_kwh: {type: double, doc: In valley hours.}
  night_kwh: {type: double, doc: At night.}
  max_kw: {type: double, doc: 'Highest mean power of an interval of the main points; of several points the sum of their maxima.'}
  intervals_expected: {type: integer, doc: Intervals the day should have.}
  intervals_measured: {type: integer, doc: Measured ones that were kept.}
  intervals_estimated: {type: integer, doc: Estimated ones.}
  hours: {type: double, doc: Hours covered by the main point with the fewest.}
  org_unit_id: {type: string, doc: Unit of the account.}
incremental: {by: day, reads: {facts.account_consumption_daily: {}}}
*/
SELECT
  account_consumption_daily.account_id,
  account_consumption_daily.day,
  account_consumption_daily.kwh,
  account_consumption_daily.peak_kwh,
  account_consumption_daily.valley_kwh,
  account_consumption_daily.night_kwh,
  account_consumption_daily.max_kw,
  account_consumption_daily.intervals_expected,
  account_consumption_daily.intervals_measured,
  account_consumption_daily.intervals_estimated,
  account_consumption_daily.hours,
  account.org_unit_id
FROM facts.account_consumption_daily
LEFT JOIN source.account ON account.account_id = account_consumption_daily.account_id
