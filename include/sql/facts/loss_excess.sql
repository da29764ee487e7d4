/*
grain: one row an area or line with a balance of P
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
  SELECT l.level, l.id, MEDIAN(l.loss_kwh) AS median_loss_kwh
  FROM facts.area_loss AS l
  WHERE l.period >= ADD_MONTHS($period, -6) AND l.period < $period
  GROUP BY l.level, l.id
)
SELECT l.level,
       l.id,
       l.supply_point_id,
       l.source AS energy_source,
       l.points,
       l.points_unread,
       l.supplied_kwh,
       l.sold_kwh,
       l.loss_kwh,
       l.loss_rate,
       b.median_loss_kwh,
       (l.loss_kwh - b.median_loss_kwh) * r.mean_price AS excess_amount,
       l.not_checked
FROM facts.area_loss AS l
LEFT JOIN before AS b ON b.level = l.level AND b.id = l.id
LEFT JOIN facts.mean_price AS r ON r.usage_category = 'residential'
WHERE l.period = $period
