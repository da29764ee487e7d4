/*
title: Area loss out of range
zh: 台区线损异常
flags_zh: "公用变压器台区审核月线损率低于 min_loss 或高于 max_loss。线损率 =（台区考核点供电量 + 台区内上网电量 − 台区内主表电量）÷（供电量 + 上网电量）；采集完整率达到 95% 的用采集电量，否则用抄表电量；供电量低于 min_kwh 的不判定。"
what_to_do:
  en: >-
    Check the area's membership and the multipliers first, then meters without readings, then theft on site;
    a negative loss is nearly always a membership or the area point.
  zh: 先核对户变关系和倍率，再查未抄表计，最后现场排查窃电；负线损重点核查户变关系和台区考核表。
kind: exception
modes: [nightly]
subject: transformer
severity: high
judges: month
proof: next
effect_of: [ANA-04, ANA-05, MET-03]
site: true
flags: >-
  public transformer with an area point: over P, (energy at the area point + export of the accounts fed by it (export_kwh, or
  kwh below 0, which then is no energy taken) - energy at their main points) / (energy at the area point + that export) is
  below min_loss or above max_loss; interval energy of P
  (measured or estimated) where at least 95% of the intervals of the area point and its main points together
  are there, else register energy of period P (a main point without a reading counts as 0), one source for
  all points, of the main points that have an interval or a reading in P; not where the area point has under
  min_kwh.
at_stake: >-
  energy lost above max_loss of the supplied energy x the mean residential price; below min_loss: none
params:
  min_loss: {type: number, default: 0.0, doc: 'Lowest share lost that is in range.'}
  max_loss: {type: number, default: 0.08, doc: 'Highest share lost that is in range.'}
  min_kwh: {type: number, default: 500, minimum: 0, doc: 'Energy fed in from which a loss is judged.'}
messages:
  en: "The area lost {loss_rate} of the energy in the month; {min_loss} to {max_loss} is in range ({supplied_kwh} kWh supplied, {sold_kwh} kWh sold)."
  zh: "台区当月线损率 {loss_rate}，合理范围 {min_loss} 至 {max_loss}（供电量 {supplied_kwh} kWh，售电量 {sold_kwh} kWh）。"
*/
SELECT
  transformer.transformer_id AS subject_id,
  transformer.org_unit_id,
  loss_excess.supplied_kwh >= $min_kwh
  AND (ROUND(loss_excess.loss_rate - $min_loss, 9) < 0 OR ROUND(loss_excess.loss_rate - $max_loss, 9) > 0)
    AS flagged,
  CASE WHEN loss_excess.id IS NULL THEN 'no_data' ELSE loss_excess.not_checked END AS not_checked,
  CASE
    WHEN ROUND(loss_excess.loss_rate - $max_loss, 9) > 0
      THEN MONEY(
        (loss_excess.loss_kwh - $max_loss * (loss_excess.supplied_kwh + loss_excess.export_kwh))
        * loss_excess.price
      )
  END AS at_stake_amount,
  loss_excess.loss_rate,
  $min_loss AS min_loss,
  $max_loss AS max_loss,
  loss_excess.supplied_kwh,
  loss_excess.export_kwh,
  loss_excess.sold_kwh,
  loss_excess.loss_kwh,
  loss_excess.median_loss_rate,
  loss_excess.energy_source,
  loss_excess.supply_point_id AS area_metering_point_id,
  loss_excess.points,
  loss_excess.points_unread
FROM source.transformer
LEFT JOIN facts.loss_excess
  ON loss_excess.level = 'transformer' AND loss_excess.id = transformer.transformer_id
WHERE transformer.ownership = 'public' AND TRIM(transformer.area_metering_point_id) <> ''
