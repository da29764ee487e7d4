/*
title: Line loss out of range
zh: 线路线损异常
flags_zh: 线路审核月线损率低于 min_loss 或高于 max_loss，口径同台区线损：线路关口供电量与公用台区考核点及专变客户主表电量（含上网）比较；供电量低于 min_kwh 的不判定。
what_to_do:
  en: >-
    Check which areas and accounts hang on the line, then the head point's multiplier and the large
    accounts' meters.
  zh: 先核对线变关系，再查关口表倍率和专变客户计量装置。
kind: exception
modes: [nightly]
subject: line
severity: high
judges: month
proof: next
site: true
flags: >-
  as NET-01 for a line with a head point, against its public area points and the main points (with their export)
  of accounts on dedicated transformers.
at_stake: as NET-01
params:
  min_loss: {type: number, default: 0.0, doc: 'Lowest share lost that is in range.'}
  max_loss: {type: number, default: 0.06, doc: 'Highest share lost that is in range.'}
  min_kwh: {type: number, default: 5000, minimum: 0, doc: 'Energy fed in from which a loss is judged.'}
messages:
  en: "The line lost {loss_rate} of the energy in the month; {min_loss} to {max_loss} is in range ({supplied_kwh} kWh supplied, {sold_kwh} kWh sold)."
  zh: "线路当月线损率 {loss_rate}，合理范围 {min_loss} 至 {max_loss}（供电量 {supplied_kwh} kWh，售电量 {sold_kwh} kWh）。"
*/
SELECT
  line.line_id AS subject_id,
  line.org_unit_id,
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
  loss_excess.supply_point_id AS head_metering_point_id,
  loss_excess.points,
  loss_excess.points_unread
FROM source.line
LEFT JOIN facts.loss_excess ON loss_excess.level = 'line' AND loss_excess.id = line.line_id
WHERE TRIM(line.head_metering_point_id) <> ''
