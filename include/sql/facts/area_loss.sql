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
WITH measured AS (
  SELECT m.metering_point_id, m.period, m.expected, m.present, m.mean_minutes, m.kwh
  FROM facts.interval_month AS m
  WHERE m.period >= ADD_MONTHS($period, -11) AND m.period <= $period AND m.intervals > 0
),
measured_month AS (
  SELECT m.period,
         UNIX_SECONDS(CAST(ADD_MONTHS(m.period, 1) AS TIMESTAMPTZ)) AS end_s
  FROM measured AS m
  GROUP BY m.period
),
read AS (
  SELECT e.metering_point_id, e.period, e.kwh
  FROM facts.register_energy AS e
  WHERE e.register = 'active_total'
),
point AS (
  SELECT COALESCE(r.metering_point_id, m.metering_point_id) AS metering_point_id,
         COALESCE(r.period, m.period) AS period,
         m.expected,
         m.present,
         m.mean_minutes,
         m.kwh AS interval_kwh,
         r.metering_point_id IS NOT NULL AS is_read,
         r.kwh AS register_kwh
  FROM read AS r
  FULL JOIN measured AS m ON m.metering_point_id = r.metering_point_id AND m.period = r.period
),
member AS (
  SELECT m.level, m.id, m.metering_point_id, m.is_supply, k.installed_on
  FROM facts.loss_member AS m
  LEFT JOIN source.metering_point AS k ON k.metering_point_id = m.metering_point_id
),
-- Seconds of the month that a point without intervals was there; they matter in months that have some alone.
present AS (
  SELECT m.level,
         m.id,
         p.period,
         m.is_supply,
         p.expected,
         p.present,
         p.mean_minutes,
         p.interval_kwh,
         p.is_read,
         p.register_kwh,
         CASE WHEN p.mean_minutes IS NULL AND q.end_s IS NOT NULL
              THEN GREATEST(q.end_s - UNIX_SECONDS(CAST(GREATEST(p.period, COALESCE(m.installed_on, p.period)) AS TIMESTAMPTZ)), 0)
         END AS unmeasured_s
  FROM member AS m
  JOIN point AS p ON p.metering_point_id = m.metering_point_id
  LEFT JOIN measured_month AS q ON q.period = p.period
),
grouped AS (
  SELECT p.level,
         p.id,
         p.period,
         MIN(p.mean_minutes) AS mean_minutes,
         COUNT(*) FILTER (WHERE p.is_supply) AS supplies,
         COUNT(*) FILTER (WHERE NOT p.is_supply) AS points,
         COUNT(*) FILTER (WHERE NOT p.is_supply AND NOT p.is_read) AS points_unread,
         SUM(p.present) AS present,
         SUM(p.expected) AS expected,
         COALESCE(SUM(p.unmeasured_s), 0) AS unmeasured_s,
         EXACT_SUM(p.interval_kwh) FILTER (WHERE p.is_supply) AS interval_supplied_kwh,
         COALESCE(EXACT_SUM(p.interval_kwh) FILTER (WHERE NOT p.is_supply), 0) AS interval_sold_kwh,
         EXACT_SUM(p.register_kwh) FILTER (WHERE p.is_supply) AS register_supplied_kwh,
         COALESCE(EXACT_SUM(p.register_kwh) FILTER (WHERE NOT p.is_supply), 0) AS register_sold_kwh,
         COUNT(*) FILTER (WHERE p.is_read AND p.register_kwh IS NULL) AS not_computable
  FROM present AS p
  GROUP BY p.level, p.id, p.period
),
summed AS (
  SELECT g.level,
         g.id,
         g.period,
         m.metering_point_id AS supply_point_id,
         g.points,
         g.points_unread,
         -- The supply point belongs to the balance even in a month without anything of it.
         RATIO(g.present, g.expected
                            + RATIO(g.unmeasured_s
                               + CASE WHEN g.supplies > 0 THEN 0
                                      ELSE GREATEST(q.end_s - UNIX_SECONDS(CAST(GREATEST(g.period, COALESCE(m.installed_on, g.period)) AS TIMESTAMPTZ)), 0) END, 60 * g.mean_minutes)) AS interval_share,
         g.interval_supplied_kwh,
         g.interval_sold_kwh,
         g.register_supplied_kwh,
         g.register_sold_kwh,
         g.not_computable
  FROM grouped AS g
  JOIN member AS m ON m.level = g.level AND m.id = g.id AND m.is_supply
  LEFT JOIN measured_month AS q ON q.period = g.period
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
       RATIO(c.supplied_kwh - c.sold_kwh, c.supplied_kwh) AS loss_rate,
       CASE WHEN c.not_computable > 0 THEN 'register_not_computable'
            WHEN c.supplied_kwh IS NULL THEN 'no_supply' END AS not_checked
FROM chosen AS c
