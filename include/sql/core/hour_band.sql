/*
grain: one row per hour of the local day
key: [hour]
purpose: Which hours count as peak, valley and night, defined once for facts, profiles and marts. The defaults follow the usual Chinese split (peak 8-11 and 17-22, valley 23-7).
columns:
  hour: {type: integer, doc: 'Hour of the local day, 0 to 23.'}
  is_peak: {type: boolean, doc: A peak hour (sharp ones included).}
  is_valley: {type: boolean, doc: A valley hour.}
  is_night: {type: boolean, doc: An hour of the night.}
params:
  peak_hours: {type: list, columns: {hour: integer}, default: [8, 9, 10, 17, 18, 19, 20, 21], doc: Hours of the local day that are peak.}
  valley_hours: {type: list, columns: {hour: integer}, default: [23, 0, 1, 2, 3, 4, 5, 6], doc: Hours that are valley; an hour that is also peak is peak.}
  night_hours: {type: list, columns: {hour: integer}, default: [0, 1, 2, 3, 4, 5], doc: Hours that are night.}
*/
WITH clock AS (
  SELECT hours.hour
  FROM (
    VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12),
    (13), (14), (15), (16), (17), (18), (19), (20), (21), (22), (23)
  ) AS hours (hour)
)

SELECT
  CAST(clock.hour AS BIGINT) AS hour,
  clock.hour IN (SELECT peak_hours.hour FROM param.peak_hours) AS is_peak,
  clock.hour IN (SELECT valley_hours.hour FROM param.valley_hours)
  AND clock.hour NOT IN (SELECT peak_hours.hour FROM param.peak_hours) AS is_valley,
  clock.hour IN (SELECT night_hours.hour FROM param.night_hours) AS is_night
FROM clock
