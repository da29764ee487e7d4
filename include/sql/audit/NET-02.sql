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
SELECT t.line_id AS subject_id,
       t.org_unit_id,
       l.supplied_kwh >= $min_kwh
         AND (ROUND(l.loss_rate - $min_loss, 9) < 0 OR ROUND(l.loss_rate - $max_loss, 9) > 0) AS flagged,
       CASE WHEN l.id IS NULL THEN 'no_data' ELSE l.not_checked END AS not_checked,
       l.loss_rate,
       $min_loss AS min_loss,
       $max_loss AS max_loss,
       l.supplied_kwh,
       l.sold_kwh,
       l.loss_kwh,
       l.median_loss_kwh,
       l.energy_source,
       l.supply_point_id AS head_metering_point_id,
       l.points,
       l.points_unread
FROM source.line AS t
LEFT JOIN facts.loss_excess AS l ON l.level = 'line' AND l.id = t.line_id
WHERE TRIM(t.head_metering_point_id) <> ''
