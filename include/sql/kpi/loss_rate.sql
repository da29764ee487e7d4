/*
grain: one row per area and month that can be judged and does not gain energy
key: [period, row_id]
purpose: >-
  Energy lost in the areas of public transformers that NET-01 can judge in a month and that are not below its min_loss,
  for each kWh supplied to them.
view: true
title: Energy lost in areas
zh: 台区线损率
post: manager
better: low
form: share
rules: [NET-01, NET-02]
params:
  standard: {type: number, default: 0.04, doc: Value that scores 100.}
  floor: {type: number, default: 0.12, doc: Value that scores 0.}
  weight: {type: number, default: 2, minimum: 0, doc: What its score weighs in the composite.}
  min_rows: {type: integer, default: 1, minimum: 1, doc: Rows behind the denominator below which it is not scored.}
  min_kwh: {same_as: NET-01.min_kwh}
  min_loss: {same_as: NET-01.min_loss}
*/
SELECT
  area_loss.period,
  area_loss.id AS row_id,
  transformer.org_unit_id,
  CAST(NULL AS VARCHAR) AS staff_id,
  CONCAT('area/', area_loss.id) AS row_key,
  area_loss.loss_kwh AS numerator,
  area_loss.supplied_kwh AS denominator
FROM facts.area_loss
JOIN source.transformer ON transformer.transformer_id = area_loss.id
WHERE
  area_loss.level = 'transformer'
  AND area_loss.not_checked IS NULL
  AND area_loss.supplied_kwh >= ON_DAY($min_kwh, LAST_DAY(area_loss.period))
  AND ROUND(area_loss.loss_rate - ON_DAY($min_loss, LAST_DAY(area_loss.period)), 9) >= 0
