/*
title: Edited reading changes the energy
zh: 修改抄表止度后电量明显变化
flags_zh: 审核月有功总止度被修改，影响电量同时超过 min_kwh 和原电量的 min_share。
what_to_do:
  en: >-
    Ask who edited it for the grounds and the photo; without grounds put the original back and bill the
    difference.
  zh: 要求修改人提供依据和照片；无依据的恢复原示数并退补差额，追究责任。
kind: exception
modes: [nightly]
subject: metering_point
severity: high
judges: month
proof: none
flags: >-
  active_total in P with original_value, and |current - original| x multiplier above both min_kwh and min_share of
  (original - previous) x multiplier.
at_stake: (original less current) x multiplier x average price
params:
  min_kwh: {type: number, default: 100, minimum: 0, doc: Smallest change looked at.}
  min_share: {type: number, default: 0.1, minimum: 0, doc: Share of the energy before the edit.}
messages:
  en: "The reading was edited from {original_value} to {current_value}, which changes {changed_kwh} kWh; up to {min_kwh} kWh or {min_share} are passed over."
  zh: "止度由 {original_value} 改为 {current_value}，影响电量 {changed_kwh} kWh，允许 {min_kwh} kWh 或 {min_share}。"
*/
SELECT
  register_reading.metering_point_id AS subject_id,
  metering_point.account_id,
  ROUND(ABS(register_reading.current_value - register_reading.original_value) * metering_point.multiplier, 6)
  > ROUND($min_kwh * COALESCE(billing_cycle.billing_months, 1), 6)
  AND ROUND(
    ABS(register_reading.current_value - register_reading.original_value) * metering_point.multiplier, 6
  )
  > ROUND(
    $min_share
    * (register_reading.original_value - register_reading.previous_value)
    * metering_point.multiplier,
    6
  ) AS flagged,
  MONEY(
    (register_reading.original_value - register_reading.current_value)
    * metering_point.multiplier
    * bill_net.average_price
  ) AS at_stake_amount,
  register_reading.original_value,
  register_reading.current_value,
  register_reading.previous_value,
  metering_point.multiplier,
  ROUND((register_reading.current_value - register_reading.original_value) * metering_point.multiplier, 6)
    AS changed_kwh,
  ROUND($min_kwh * COALESCE(billing_cycle.billing_months, 1), 6) AS min_kwh,
  $min_share AS min_share,
  register_reading.edited_by,
  bill_net.average_price
FROM source.register_reading
JOIN source.metering_point ON metering_point.metering_point_id = register_reading.metering_point_id
LEFT JOIN facts.bill_net ON bill_net.account_id = metering_point.account_id AND bill_net.period = $period
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = metering_point.account_id
WHERE
  register_reading.period = $period
  AND register_reading.register = 'active_total'
  AND register_reading.original_value IS NOT NULL
  AND COALESCE(billing_cycle.is_due, TRUE)
