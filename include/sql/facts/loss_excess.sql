/*
grain: one row per area or line with a balance of P
key: [level, id]
purpose: The loss of P beside what the same area or line lost before, and what the excess is worth.
view: true
columns:
  level: {type: string, doc: transformer or line.}
  id: {type: string, doc: Of the transformer or line.}
  supply_point_id: {type: string, doc: The area or head metering point.}
  energy_source: {type: string, doc: interval or register.}
  points: {type: integer, doc: Points on the taking side with an interval or a reading in P.}
  points_unread: {type: integer, doc: Those of them without a reading.}
  supplied_kwh: {type: double, doc: Fed in.}
  sold_kwh: {type: double, doc: Taken out.}
  loss_kwh: {type: double, doc: supplied less sold.}
  loss_rate: {type: double, doc: loss over supplied.}
  median_loss_kwh: {type: double, doc: Median loss of the balances of the 6 periods before P.}
  excess_amount: {type: double, doc: 'Loss above that median at the mean residential price, currency.'}
  not_checked: {type: string, doc: 'As in facts.area_loss.'}
*/
WITH before AS (
  SELECT
    area_loss.level,
    area_loss.id,
    MEDIAN(area_loss.loss_kwh) AS median_loss_kwh
  FROM facts.area_loss
  WHERE area_loss.period >= ADD_MONTHS($period, -6) AND area_loss.period < $period
  GROUP BY area_loss.level, area_loss.id
)

SELECT
  area_loss.level,
  area_loss.id,
  area_loss.supply_point_id,
  area_loss.source AS energy_source,
  area_loss.points,
  area_loss.points_unread,
  area_loss.supplied_kwh,
  area_loss.sold_kwh,
  area_loss.loss_kwh,
  area_loss.loss_rate,
  before.median_loss_kwh,
  (area_loss.loss_kwh - before.median_loss_kwh) * mean_price.mean_price AS excess_amount,
  area_loss.not_checked
FROM facts.area_loss
LEFT JOIN before ON before.level = area_loss.level AND before.id = area_loss.id
LEFT JOIN facts.mean_price ON mean_price.usage_category = 'residential'
WHERE area_loss.period = $period
