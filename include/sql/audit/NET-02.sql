/*
title: Line loss out of range
zh: 线路线损异常
kind: exception
modes: [nightly]
subject: line
severity: high
flags: >-
  as NET-01 for a line with a head point, against its public area points and the main points of accounts on
  dedicated transformers.
params:
  min_loss: {type: number, default: 0.0, doc: 'Lowest share lost that is in range.'}
  max_loss: {type: number, default: 0.06, doc: 'Highest share lost that is in range.'}
  min_kwh: {type: number, default: 5000, minimum: 0, doc: 'Energy fed in from which a loss is judged.'}
messages:
  en: >-
    Loss of {loss_rate} outside {min_loss} to {max_loss}: {supplied_kwh} kWh in, {sold_kwh} kWh out.
  zh: >-
    线损率 {loss_rate} 超出 {min_loss} 至 {max_loss}：供 {supplied_kwh} kWh，售 {sold_kwh} kWh。
*/
SELECT
  line.line_id AS subject_id,
  line.org_unit_id,
  loss_excess.supplied_kwh >= $min_kwh
  AND (ROUND(loss_excess.loss_rate - $min_loss, 9) < 0 OR ROUND(loss_excess.loss_rate - $max_loss, 9) > 0)
    AS flagged,
  CASE WHEN loss_excess.id IS NULL THEN 'no_data' ELSE loss_excess.not_checked END AS not_checked,
  loss_excess.loss_rate,
  $min_loss AS min_loss,
  $max_loss AS max_loss,
  loss_excess.supplied_kwh,
  loss_excess.sold_kwh,
  loss_excess.loss_kwh,
  loss_excess.median_loss_kwh,
  loss_excess.energy_source,
  loss_excess.supply_point_id AS head_metering_point_id,
  loss_excess.points,
  loss_excess.points_unread
FROM source.line
LEFT JOIN facts.loss_excess ON loss_excess.level = 'line' AND loss_excess.id = line.line_id
WHERE TRIM(line.head_metering_point_id) <> ''
