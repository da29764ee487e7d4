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
SELECT e.metering_point_id AS subject_id,
       e.account_id,
       e.swaps = 0 AND ROUND(ABS(e.previous_value - e.earlier_value), 6) > $tolerance AS flagged,
       MONEY((e.previous_value - e.earlier_value) * e.multiplier * n.average_price) AS at_stake_amount,
       e.previous_value,
       e.earlier_value,
       $tolerance AS tolerance,
       e.multiplier,
       n.average_price,
       e.read_at,
       e.previous_read_at
FROM facts.register_energy AS e
LEFT JOIN facts.bill_net AS n ON n.account_id = e.account_id AND n.period = $period
WHERE e.period = $period AND e.register = 'active_total'
