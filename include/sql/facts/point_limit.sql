/*
grain: one row per metering point with an interval
key: [metering_point_id]
purpose: >-
  What intervals of a point are held against besides its own days: since when it is there, the capacity of its account,
  and what it usually drew in its first days, before which nothing says what is usual.
columns:
  metering_point_id: {type: string, doc: The point.}
  installed_on: {type: date, doc: Its day of installation, if known.}
  contracted_kva: {type: double, doc: Contracted capacity of its account.}
  first_kw: {type: double, doc: 'Median of the daily maxima of its first days, from its first interval on; empty where one of them lacks.'}
params:
  first_days: {type: integer, default: 7, minimum: 1, doc: 'Days a point needs before its median is believed, its first ones among them.'}
*/
WITH first_day AS (
  SELECT
    interval_daily.metering_point_id,
    MIN(interval_daily.day) AS day
  FROM facts.interval_daily
  GROUP BY interval_daily.metering_point_id
),

first_days AS (
  SELECT
    interval_daily.metering_point_id,
    MEDIAN(interval_daily.max_kw) AS first_kw
  FROM facts.interval_daily
  JOIN first_day ON first_day.metering_point_id = interval_daily.metering_point_id
  WHERE DATE_DIFF('day', first_day.day, interval_daily.day) < $first_days
  GROUP BY interval_daily.metering_point_id
  HAVING COUNT(*) >= $first_days
)

SELECT
  first_day.metering_point_id,
  metering_point.installed_on,
  account.contracted_kva,
  first_days.first_kw
FROM first_day
LEFT JOIN first_days ON first_days.metering_point_id = first_day.metering_point_id
LEFT JOIN source.metering_point ON metering_point.metering_point_id = first_day.metering_point_id
LEFT JOIN source.account ON account.account_id = metering_point.account_id
