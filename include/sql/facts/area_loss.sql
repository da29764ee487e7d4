/*
grain: one row an area or line and month (P and the 11 before) with an interval or a reading of one of its points
key: [level, id, period]
purpose: What went in and did not come out. All points of one balance are read from one source, intervals where enough of them are there, else registers.
columns:
  level: {type: string, doc: transformer or line.}
  id: {type: string, doc: Of the transformer or line.}
  period: {type: date, doc: First day of the month.}
  source: {type: string, doc: interval or register.}
  supply_point_id: {type: string, doc: The area or head metering point.}
  points: {type: integer, doc: Points on the taking side with an interval or a reading in the month.}
  points_unread: {type: integer, doc: 'Those of them without a reading, which count as 0 by register.'}
  interval_share: {type: double, doc: Share of the intervals of all these points that is there.}
  supplied_kwh: {type: double, doc: 'Fed in; empty where the supply point has nothing of the source.'}
  sold_kwh: {type: double, doc: Taken out.}
  loss_kwh: {type: double, doc: supplied less sold.}
  loss_rate: {type: double, doc: loss over supplied.}
  not_checked: {type: string, doc: 'register_not_computable where a register of the balance cannot be calculated, no_supply where nothing was fed in by the source.'}
params:
  min_interval_share: {type: number, default: 0.95, minimum: 0, maximum: 1, doc: Share of the intervals from which they are used.}
*/
WITH point_month AS (
  SELECT m.metering_point_id, m.period, m.intervals, m.expected, m.present, m.mean_minutes, m.kwh AS interval_kwh,
         0 AS readings, CAST(NULL AS DOUBLE) AS register_kwh, 0 AS not_computable
  FROM facts.interval_month AS m
  WHERE m.period >= CAST(ADD_MONTHS($period, -11) AS DATE) AND m.period <= $period
  UNION ALL
  SELECT e.metering_point_id, e.period, 0 AS intervals, 0 AS expected, 0 AS present, CAST(NULL AS DOUBLE) AS mean_minutes,
         CAST(NULL AS DOUBLE) AS interval_kwh, 1 AS readings, e.kwh AS register_kwh,
         CASE WHEN e.kwh IS NULL THEN 1 ELSE 0 END AS not_computable
  FROM facts.register_energy AS e
  WHERE e.register = 'active_total'
),
point AS (
  SELECT p.metering_point_id,
         p.period,
         SUM(p.intervals) AS intervals,
         SUM(p.expected) AS expected,
         SUM(p.present) AS present,
         MAX(p.mean_minutes) AS mean_minutes,
         MAX(p.interval_kwh) AS interval_kwh,
         SUM(p.readings) AS readings,
         MAX(p.register_kwh) AS register_kwh,
         SUM(p.not_computable) AS not_computable
  FROM point_month AS p
  GROUP BY p.metering_point_id, p.period
  HAVING SUM(p.intervals) > 0 OR SUM(p.readings) > 0
),
balance_month AS (
  SELECT m.level, m.id, p.period, MIN(p.mean_minutes) AS mean_minutes
  FROM facts.loss_member AS m
  JOIN point AS p ON p.metering_point_id = m.metering_point_id
  GROUP BY m.level, m.id, p.period
),
-- The supply point belongs to the balance even in a month without anything of it.
member AS (
  SELECT m.level,
         m.id,
         b.period,
         m.metering_point_id,
         m.is_supply,
         COALESCE(p.readings, 0) AS readings,
         p.interval_kwh,
         p.register_kwh,
         COALESCE(p.not_computable, 0) AS not_computable,
         COALESCE(p.present, 0) AS present,
         CASE WHEN p.mean_minutes IS NOT NULL THEN CAST(p.expected AS DOUBLE)
              WHEN b.mean_minutes IS NULL THEN NULL
              ELSE (UNIX_SECONDS(CAST(CAST(ADD_MONTHS(b.period, 1) AS DATE) AS TIMESTAMPTZ))
                    - UNIX_SECONDS(CAST(GREATEST(b.period, LEAST(COALESCE(k.installed_on, b.period), CAST(ADD_MONTHS(b.period, 1) AS DATE))) AS TIMESTAMPTZ)))
                   / NULLIF(60 * b.mean_minutes, 0)
         END AS expected
  FROM facts.loss_member AS m
  JOIN balance_month AS b ON b.level = m.level AND b.id = m.id
  LEFT JOIN point AS p ON p.metering_point_id = m.metering_point_id AND p.period = b.period
  LEFT JOIN source.metering_point AS k ON k.metering_point_id = m.metering_point_id
  WHERE m.is_supply OR p.metering_point_id IS NOT NULL
),
summed AS (
  SELECT m.level,
         m.id,
         m.period,
         MAX(CASE WHEN m.is_supply THEN m.metering_point_id END) AS supply_point_id,
         COUNT(*) FILTER (WHERE NOT m.is_supply) AS points,
         COUNT(*) FILTER (WHERE NOT m.is_supply AND m.readings = 0) AS points_unread,
         SUM(m.present) / NULLIF(SUM(m.expected), 0) AS interval_share,
         SUM(m.interval_kwh) FILTER (WHERE m.is_supply) AS interval_supplied_kwh,
         COALESCE(SUM(m.interval_kwh) FILTER (WHERE NOT m.is_supply), 0) AS interval_sold_kwh,
         SUM(m.register_kwh) FILTER (WHERE m.is_supply) AS register_supplied_kwh,
         COALESCE(SUM(m.register_kwh) FILTER (WHERE NOT m.is_supply), 0) AS register_sold_kwh,
         SUM(m.not_computable) AS not_computable
  FROM member AS m
  GROUP BY m.level, m.id, m.period
),
chosen AS (
  SELECT s.level,
         s.id,
         s.period,
         CASE WHEN ROUND(s.interval_share, 9) >= $min_interval_share THEN 'interval' ELSE 'register' END AS source,
         s.supply_point_id,
         s.points,
         s.points_unread,
         s.interval_share,
         CASE WHEN ROUND(s.interval_share, 9) >= $min_interval_share THEN s.interval_supplied_kwh ELSE s.register_supplied_kwh END AS supplied_kwh,
         CASE WHEN ROUND(s.interval_share, 9) >= $min_interval_share THEN s.interval_sold_kwh
              WHEN s.not_computable = 0 THEN s.register_sold_kwh END AS sold_kwh,
         CASE WHEN ROUND(s.interval_share, 9) >= $min_interval_share THEN 0 ELSE s.not_computable END AS not_computable
  FROM summed AS s
)
SELECT c.level,
       c.id,
       c.period,
       c.source,
       c.supply_point_id,
       c.points,
       c.points_unread,
       c.interval_share,
       ROUND(c.supplied_kwh, 6) AS supplied_kwh,
       ROUND(c.sold_kwh, 6) AS sold_kwh,
       ROUND(c.supplied_kwh - c.sold_kwh, 6) AS loss_kwh,
       (c.supplied_kwh - c.sold_kwh) / NULLIF(c.supplied_kwh, 0) AS loss_rate,
       CASE WHEN c.not_computable > 0 THEN 'register_not_computable'
            WHEN c.supplied_kwh IS NULL THEN 'no_supply' END AS not_checked
FROM chosen AS c
