/*
grain: one row per area or line with a balance of P
key: [level, id]
purpose: The loss of P beside what the same area or line lost before, and what a kWh lost is worth.
view: true
columns:
  level: {type: string, doc: transformer or line.}
  id: {type: string, doc: Of the transformer or line.}
  supply_point_id: {type: string, doc: The area or head metering point.}
  energy_source: {type: string, doc: interval or register.}
  points: {type: integer, doc: Points on the taking side with an interval or a reading in P.}
  points_unread: {type: integer, doc: Those of them without a reading.}
  supplied_kwh: {type: double, doc: Fed in.}
  export_kwh: {type: double, doc: Given to the network by the accounts of the balance.}
  sold_kwh: {type: double, doc: Taken out.}
  loss_kwh: {type: double, doc: supplied and export less sold.}
  loss_rate: {type: double, doc: loss over supplied and export.}
  months_before: {type: integer, doc: 'Months among the 6 before P that can be judged, by the same source as P: balances that can be drawn, with min_kwh or more fed in.'}
  median_loss_rate: {type: double, doc: Median of their loss rates.}
  price: {type: double, doc: 'The mean residential price, currency per kWh.'}
  not_checked: {type: string, doc: 'As in facts.area_loss.'}
params:
  min_kwh: {same_as: NET-06.min_kwh}
*/
WITH now AS (
  SELECT
    area_loss.level,
    area_loss.id,
    area_loss.source,
    area_loss.supply_point_id,
    area_loss.points,
    area_loss.points_unread,
    area_loss.supplied_kwh,
    area_loss.export_kwh,
    area_loss.sold_kwh,
    area_loss.loss_kwh,
    area_loss.loss_rate,
    area_loss.not_checked
  FROM facts.area_loss
  WHERE area_loss.period = $period
),

before AS (
  SELECT
    area_loss.level,
    area_loss.id,
    COUNT(*) AS months_before,
    MEDIAN(area_loss.loss_rate) AS median_loss_rate
  FROM facts.area_loss
  JOIN now ON now.level = area_loss.level AND now.id = area_loss.id AND now.source = area_loss.source
  WHERE
    area_loss.period >= ADD_MONTHS($period, -6)
    AND area_loss.period < $period
    AND area_loss.not_checked IS NULL
    AND area_loss.loss_rate IS NOT NULL
    AND area_loss.supplied_kwh >= $min_kwh
  GROUP BY area_loss.level, area_loss.id
)

SELECT
  now.level,
  now.id,
  now.supply_point_id,
  now.source AS energy_source,
  now.points,
  now.points_unread,
  now.supplied_kwh,
  COALESCE(now.export_kwh, 0) AS export_kwh,
  now.sold_kwh,
  now.loss_kwh,
  now.loss_rate,
  COALESCE(before.months_before, 0) AS months_before,
  before.median_loss_rate,
  mean_price.mean_price AS price,
  now.not_checked
FROM now
LEFT JOIN before ON before.level = now.level AND before.id = now.id
LEFT JOIN facts.mean_price ON mean_price.usage_category = 'residential'
