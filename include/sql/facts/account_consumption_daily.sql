/*
grain: one row an account and local day with intervals
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
*/
SELECT p.account_id,
       c.day,
       CASE WHEN COUNT(c.kwh) FILTER (WHERE p.role = 'main') > 0
            THEN EXACT_SUM(CASE WHEN p.role = 'sub' THEN -c.kwh ELSE c.kwh END) END AS kwh,
       CASE WHEN COUNT(c.peak_kwh) FILTER (WHERE p.role = 'main') > 0
            THEN EXACT_SUM(CASE WHEN p.role = 'sub' THEN -c.peak_kwh ELSE c.peak_kwh END) END AS peak_kwh,
       CASE WHEN COUNT(c.valley_kwh) FILTER (WHERE p.role = 'main') > 0
            THEN EXACT_SUM(CASE WHEN p.role = 'sub' THEN -c.valley_kwh ELSE c.valley_kwh END) END AS valley_kwh,
       CASE WHEN COUNT(c.night_kwh) FILTER (WHERE p.role = 'main') > 0
            THEN EXACT_SUM(CASE WHEN p.role = 'sub' THEN -c.night_kwh ELSE c.night_kwh END) END AS night_kwh,
       EXACT_SUM(c.max_kw) FILTER (WHERE p.role = 'main') AS max_kw,
       INTEGER_SUM(c.expected) FILTER (WHERE p.role = 'main') AS intervals_expected,
       INTEGER_SUM(c.measured) FILTER (WHERE p.role = 'main') AS intervals_measured,
       INTEGER_SUM(c.estimated) FILTER (WHERE p.role = 'main') AS intervals_estimated,
       MIN(c.hours) FILTER (WHERE p.role = 'main') AS hours
FROM facts.consumption_daily AS c
JOIN source.metering_point AS p ON p.metering_point_id = c.metering_point_id
WHERE p.role IN ('main', 'sub') AND p.account_id IS NOT NULL
GROUP BY p.account_id, c.day
HAVING COUNT(*) FILTER (WHERE p.role = 'main') > 0
