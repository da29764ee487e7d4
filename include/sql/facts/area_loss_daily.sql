/*
grain: one row an area or line and local day with energy fed in
key: [level, id, day]
purpose: The daily balance that models and dashboards follow, from validated and edited intervals.
columns:
  level: {type: string, doc: transformer or line.}
  id: {type: string, doc: Of the transformer or line.}
  day: {type: date, doc: Local day.}
  supplied_kwh: {type: double, doc: Fed in.}
  sold_kwh: {type: double, doc: Taken out by the points that have intervals that day.}
  loss_kwh: {type: double, doc: supplied less sold.}
  points: {type: integer, doc: Points on the taking side with intervals that day.}
*/
SELECT m.level,
       m.id,
       c.day,
       EXACT_SUM(c.kwh) FILTER (WHERE m.is_supply) AS supplied_kwh,
       COALESCE(EXACT_SUM(c.kwh) FILTER (WHERE NOT m.is_supply), 0) AS sold_kwh,
       ROUND(EXACT_SUM(c.kwh) FILTER (WHERE m.is_supply) - COALESCE(EXACT_SUM(c.kwh) FILTER (WHERE NOT m.is_supply), 0), 6) AS loss_kwh,
       COUNT(c.kwh) FILTER (WHERE NOT m.is_supply) AS points
FROM facts.loss_member AS m
JOIN facts.consumption_daily AS c ON c.metering_point_id = m.metering_point_id
GROUP BY m.level, m.id, c.day
HAVING COUNT(c.kwh) FILTER (WHERE m.is_supply) > 0
