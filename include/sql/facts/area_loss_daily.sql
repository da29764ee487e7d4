/*
grain: one row per area or line and local day with energy fed in
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
incremental: {by: day, reads: {facts.consumption_daily: {}}}
*/
SELECT
  loss_member.level,
  loss_member.id,
  consumption_daily.day,
  EXACT_SUM(consumption_daily.kwh) FILTER (WHERE loss_member.is_supply) AS supplied_kwh,
  COALESCE(EXACT_SUM(consumption_daily.kwh) FILTER (WHERE NOT loss_member.is_supply), 0) AS sold_kwh,
  ROUND(
    EXACT_SUM(consumption_daily.kwh) FILTER (WHERE loss_member.is_supply)
    - COALESCE(EXACT_SUM(consumption_daily.kwh) FILTER (WHERE NOT loss_member.is_supply), 0),
    6
  ) AS loss_kwh,
  COUNT(consumption_daily.kwh) FILTER (WHERE NOT loss_member.is_supply) AS points
FROM facts.loss_member
JOIN facts.consumption_daily ON consumption_daily.metering_point_id = loss_member.metering_point_id
GROUP BY loss_member.level, loss_member.id, consumption_daily.day
HAVING COUNT(consumption_daily.kwh) FILTER (WHERE loss_member.is_supply) > 0
