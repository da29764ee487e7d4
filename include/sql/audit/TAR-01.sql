/*
title: Reading does not continue the last one
zh: 抄见示数不连续
flags_zh: 审核月有功总起度与上期止度相差超过 tolerance，且两次抄表之间没有装表、拆表或换表。
what_to_do:
  en: Compare the photo or the remote reading of both months; correct the reading and bill the difference.
  zh: 核对两期抄表照片或远程示数，更正起度并退补差额电量。
kind: exception
modes: [nightly]
subject: metering_point
severity: high
judges: month
proof: same
flags: >-
  previous_value of active_total in P differs by more than tolerance from current_value of the period before, with no
  install, remove or replace in between.
at_stake: (previous_value less the earlier current_value) x multiplier x average price
params:
  tolerance: {type: number, default: 0.5, minimum: 0, doc: Register units that may differ.}
messages:
  en: "The month's reading begins at {previous_value}; the period before ended at {earlier_value} (tolerance {tolerance})."
  zh: "本期起度 {previous_value}，上期止度 {earlier_value}，不连续（允许偏差 {tolerance}）。"
*/
SELECT
  register_energy.metering_point_id AS subject_id,
  register_energy.account_id,
  register_energy.swaps = 0
  AND ROUND(ABS(register_energy.previous_value - register_energy.earlier_value), 6) > $tolerance AS flagged,
  MONEY(
    (register_energy.previous_value - register_energy.earlier_value)
    * register_energy.multiplier
    * bill_net.average_price
  ) AS at_stake_amount,
  register_energy.previous_value,
  register_energy.earlier_value,
  $tolerance AS tolerance,
  register_energy.multiplier,
  bill_net.average_price,
  register_energy.read_at,
  register_energy.previous_read_at
FROM facts.register_energy
LEFT JOIN facts.bill_net ON bill_net.account_id = register_energy.account_id AND bill_net.period = $period
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = register_energy.account_id
WHERE
  register_energy.period = $period
  AND register_energy.register = 'active_total'
  AND COALESCE(billing_cycle.is_due, TRUE)
