/*
grain: one row per area or line and month whose energy in and out is known
key: [level, id, period]
purpose: Losses of areas and lines, month by month.
columns:
  level: {type: string, doc: transformer or line.}
  id: {type: string, doc: Of the transformer or line.}
  period: {type: date, doc: First day of the month.}
  supplied_kwh: {type: double, doc: 'Fed in, at the area point or the head of the line.'}
  sold_kwh: {type: double, doc: 'Taken out, by the points that had an interval or a reading in the month.'}
  loss_kwh: {type: double, doc: supplied less sold.}
  loss_rate: {type: double, doc: 'loss over supplied; empty where nothing was fed in.'}
  source: {type: string, doc: 'interval or register, one for all points.'}
  points: {type: integer, doc: Points on the taking side.}
  points_unread: {type: integer, doc: Those without a reading.}
*/
SELECT
  area_loss.level,
  area_loss.id,
  area_loss.period,
  area_loss.supplied_kwh,
  area_loss.sold_kwh,
  area_loss.loss_kwh,
  area_loss.loss_rate,
  area_loss.source,
  area_loss.points,
  area_loss.points_unread
FROM facts.area_loss
WHERE area_loss.loss_kwh IS NOT NULL
