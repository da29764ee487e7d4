/*
grain: one row per account and local day with intervals
key: [account_id, day]
purpose: What an account used each day, main points less sub points, after validation and editing.
columns:
  account_id: {type: string, doc: The supply account.}
  day: {type: date, doc: Local day.}
  kwh: {type: double, doc: 'Energy used; empty, as the three below, where no main point has any that day.'}
  peak_kwh: {type: double, doc: In peak hours (core.hour_band).}
  valley_kwh: {type: double, doc: In valley hours.}
  night_kwh: {type: double, doc: At night.}
  max_kw: {type: double, doc: 'Highest mean power of an interval of the main points; of several points the sum of their maxima.'}
  intervals_expected: {type: integer, doc: Intervals the day should have.}
  intervals_measured: {type: integer, doc: Measured ones that were kept.}
  intervals_estimated: {type: integer, doc: Estimated ones.}
  hours: {type: double, doc: Hours covered by the main point with the fewest.}
incremental: {by: day, reads: {facts.consumption_daily: {}}}
*/
SELECT
  metering_point.account_id,
  consumption_daily.day,
  CASE
    WHEN COUNT(consumption_daily.kwh) FILTER (WHERE metering_point.role = 'main') > 0
      THEN
        EXACT_SUM(
          CASE WHEN metering_point.role = 'sub' THEN -consumption_daily.kwh ELSE consumption_daily.kwh END
        )
  END AS kwh,
  CASE
    WHEN COUNT(consumption_daily.peak_kwh) FILTER (WHERE metering_point.role = 'main') > 0
      THEN
        EXACT_SUM(
          CASE
            WHEN metering_point.role = 'sub' THEN -consumption_daily.peak_kwh ELSE consumption_daily.peak_kwh
          END
        )
  END AS peak_kwh,
  CASE
    WHEN COUNT(consumption_daily.valley_kwh) FILTER (WHERE metering_point.role = 'main') > 0
      THEN
        EXACT_SUM(
          CASE
            WHEN metering_point.role = 'sub' THEN -consumption_daily.valley_kwh ELSE
              consumption_daily.valley_kwh
          END
        )
  END AS valley_kwh,
  CASE
    WHEN COUNT(consumption_daily.night_kwh) FILTER (WHERE metering_point.role = 'main') > 0
      THEN
        EXACT_SUM(
          CASE
            WHEN metering_point.role = 'sub' THEN -consumption_daily.night_kwh ELSE
              consumption_daily.night_kwh
          END
        )
  END AS night_kwh,
  EXACT_SUM(consumption_daily.max_kw) FILTER (WHERE metering_point.role = 'main') AS max_kw,
  INTEGER_SUM(consumption_daily.expected) FILTER (WHERE metering_point.role = 'main') AS intervals_expected,
  INTEGER_SUM(consumption_daily.measured) FILTER (WHERE metering_point.role = 'main') AS intervals_measured,
  INTEGER_SUM(consumption_daily.estimated) FILTER (WHERE metering_point.role = 'main') AS intervals_estimated,
  MIN(consumption_daily.hours) FILTER (WHERE metering_point.role = 'main') AS hours
FROM facts.consumption_daily
JOIN source.metering_point ON metering_point.metering_point_id = consumption_daily.metering_point_id
WHERE metering_point.role IN ('main', 'sub') AND metering_point.account_id IS NOT NULL
GROUP BY metering_point.account_id, consumption_daily.day
HAVING COUNT(*) FILTER (WHERE metering_point.role = 'main') > 0
