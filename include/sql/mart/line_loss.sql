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
  org_unit_id: {type: string, doc: The unit that runs it.}
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
  area_loss.points_unread,
  COALESCE(transformer.org_unit_id, line.org_unit_id) AS org_unit_id
FROM facts.area_loss
LEFT JOIN source.transformer
  ON area_loss.level = 'transformer' AND transformer.transformer_id = area_loss.id
LEFT JOIN source.line ON area_loss.level = 'line' AND line.line_id = area_loss.id
WHERE area_loss.loss_kwh IS NOT NULL
