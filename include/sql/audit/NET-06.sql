/*
title: Loss changed
zh: 线损突变
flags_zh: 可判定的台区审核月线损率与前 6 个月（至少 3 个月、数据来源相同）中位数之差超过 max_points，而仍在合理范围内。
what_to_do:
  en: >-
    Look for what changed in the month - accounts moved, meters exchanged, a multiplier - before going on
    site.
  zh: 先排查当月户变调整、换表和倍率变更，再现场核查。
kind: exception
modes: [nightly]
subject: transformer
severity: medium
judges: month
proof: next
effect_of: [ANA-04, ANA-05, MET-03]
site: true
flags: >-
  an area that NET-01 can judge in P and in at least 3 of the 6 months before: its loss rate differs from their median by
  more than max_points, and it lies within NET-01's limits; P and those months judged by the same kind of source (intervals
  or registers).
at_stake: energy lost above that median x the mean residential price, not below 0
params:
  max_points: {type: number, default: 0.03, minimum: 0, doc: 'Largest difference of the loss rate from the median, as a share of the energy fed in.'}
  min_kwh: {type: number, default: 500, minimum: 0, doc: 'Energy fed in from which the loss of a month is judged.'}
  min_months: {type: integer, default: 3, minimum: 1, maximum: 6, doc: 'Months before P that must be there to compare with.'}
  min_loss: {same_as: NET-01.min_loss}
  max_loss: {same_as: NET-01.max_loss}
messages:
  en: "The loss is {loss_rate}; the {months_before} months before had a median of {median_loss_rate}, from which {max_points} is allowed[ ({supplied_kwh} kWh supplied, {sold_kwh} kWh sold)]."
  zh: "台区线损率 {loss_rate}，前 {months_before} 个月中位数 {median_loss_rate}，允许相差 {max_points}[（供电量 {supplied_kwh} kWh，售电量 {sold_kwh} kWh）]。"
*/
SELECT
  transformer.transformer_id AS subject_id,
  transformer.org_unit_id,
  loss_excess.supplied_kwh >= $min_kwh
  AND ROUND(loss_excess.loss_rate - $min_loss, 9) >= 0
  AND ROUND(loss_excess.loss_rate - $max_loss, 9) <= 0
  AND ROUND(ABS(loss_excess.loss_rate - loss_excess.median_loss_rate) - $max_points, 9) > 0 AS flagged,
  CASE
    WHEN loss_excess.id IS NULL THEN 'no_data'
    WHEN loss_excess.not_checked IS NOT NULL THEN loss_excess.not_checked
    WHEN
      loss_excess.supplied_kwh >= $min_kwh AND loss_excess.months_before < $min_months
      THEN 'too_few_months'
  END AS not_checked,
  MONEY(
    GREATEST(loss_excess.loss_rate - loss_excess.median_loss_rate, 0)
    * (loss_excess.supplied_kwh + loss_excess.export_kwh)
    * loss_excess.price
  ) AS at_stake_amount,
  loss_excess.loss_rate,
  loss_excess.median_loss_rate,
  loss_excess.months_before,
  ROUND(ABS(loss_excess.loss_rate - loss_excess.median_loss_rate), 9) AS difference,
  $max_points AS max_points,
  loss_excess.supplied_kwh,
  loss_excess.export_kwh,
  loss_excess.sold_kwh,
  loss_excess.loss_kwh,
  loss_excess.energy_source,
  loss_excess.supply_point_id AS area_metering_point_id,
  loss_excess.points,
  loss_excess.points_unread
FROM source.transformer
LEFT JOIN facts.loss_excess
  ON loss_excess.level = 'transformer' AND loss_excess.id = transformer.transformer_id
WHERE transformer.ownership = 'public' AND TRIM(transformer.area_metering_point_id) <> ''
