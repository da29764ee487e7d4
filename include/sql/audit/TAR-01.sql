/*
title: Reading does not continue the last one
zh: 抄见示数不连续
kind: exception
modes: [nightly]
subject: metering_point
severity: high
flags: >-
  previous_value of active_total in P differs by more than tolerance from current_value of the period before, with no
  install, remove or replace in between.
at_stake: (previous_value less the earlier current_value) x multiplier x average price
params:
  tolerance: {type: number, default: 0.5, minimum: 0, doc: Register units that may differ.}
messages:
  en: "The reading starts at {previous_value}, the period before ended at {earlier_value}."
  zh: "本期起度 {previous_value} 与上期止度 {earlier_value} 不连续。"
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
WHERE register_energy.period = $period AND register_energy.register = 'active_total'
