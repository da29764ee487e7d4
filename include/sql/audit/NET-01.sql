/*
title: Area loss out of range
zh: 台区线损异常
kind: exception
modes: [nightly]
subject: transformer
severity: high
flags: >-
  public transformer with an area point: over P, (energy at the area point - energy at the main points of
  accounts fed by it) / energy at the area point is below min_loss or above max_loss; interval energy of P
  (measured or estimated) where at least 95% of the intervals of the area point and its main points together
  are there, else register energy of period P (a main point without a reading counts as 0), one source for
  all points, of the main points that have an interval or a reading in P; not where the area point has under
  min_kwh.
at_stake: >-
  energy lost above the area's median of the 6 periods before x the mean residential price
params:
  min_loss: {type: number, default: 0.0, doc: 'Lowest share lost that is in range.'}
  max_loss: {type: number, default: 0.08, doc: 'Highest share lost that is in range.'}
  min_kwh: {type: number, default: 500, minimum: 0, doc: 'Energy fed in from which a loss is judged.'}
messages:
  en: >-
    Loss of {loss_rate} outside {min_loss} to {max_loss}: {supplied_kwh} kWh in, {sold_kwh} kWh out.
  zh: >-
    线损率 {loss_rate} 超出 {min_loss} 至 {max_loss}：供 {supplied_kwh} kWh，售 {sold_kwh} kWh。
*/
SELECT
  transformer.transformer_id AS subject_id,
  transformer.org_unit_id,
  loss_excess.supplied_kwh >= $min_kwh
  AND (ROUND(loss_excess.loss_rate - $min_loss, 9) < 0 OR ROUND(loss_excess.loss_rate - $max_loss, 9) > 0)
    AS flagged,
  CASE WHEN loss_excess.id IS NULL THEN 'no_data' ELSE loss_excess.not_checked END AS not_checked,
  loss_excess.excess_amount AS at_stake_amount,
  loss_excess.loss_rate,
  $min_loss AS min_loss,
  $max_loss AS max_loss,
  loss_excess.supplied_kwh,
  loss_excess.sold_kwh,
  loss_excess.loss_kwh,
  loss_excess.median_loss_kwh,
  loss_excess.energy_source,
  loss_excess.supply_point_id AS area_metering_point_id,
  loss_excess.points,
  loss_excess.points_unread
FROM source.transformer
LEFT JOIN facts.loss_excess
  ON loss_excess.level = 'transformer' AND loss_excess.id = transformer.transformer_id
WHERE transformer.ownership = 'public' AND TRIM(transformer.area_metering_point_id) <> ''
