/*
title: Edited reading changes the energy
zh: 修改抄表止度后电量明显变化
kind: exception
modes: [nightly]
subject: metering_point
severity: high
flags: >-
  active_total in P with original_value, and |current - original| x multiplier above both min_kwh and min_share of
  (original - previous) x multiplier.
at_stake: (original less current) x multiplier x average price
params:
  min_kwh: {type: number, default: 100, minimum: 0, doc: Smallest change looked at.}
  min_share: {type: number, default: 0.1, minimum: 0, doc: Share of the energy before the edit.}
messages:
  en: "The reading was edited from {original_value} to {current_value}, which changes {changed_kwh} kWh."
  zh: "止度由 {original_value} 改为 {current_value}，影响电量 {changed_kwh} kWh。"
*/
SELECT r.metering_point_id AS subject_id,
       p.account_id,
       ROUND(ABS(r.current_value - r.original_value) * p.multiplier, 6) > $min_kwh
         AND ROUND(ABS(r.current_value - r.original_value) * p.multiplier, 6)
             > ROUND($min_share * (r.original_value - r.previous_value) * p.multiplier, 6) AS flagged,
       MONEY((r.original_value - r.current_value) * p.multiplier * n.average_price) AS at_stake_amount,
       r.original_value,
       r.current_value,
       r.previous_value,
       p.multiplier,
       ROUND((r.current_value - r.original_value) * p.multiplier, 6) AS changed_kwh,
       $min_kwh AS min_kwh,
       $min_share AS min_share,
       r.edited_by,
       n.average_price
FROM source.register_reading AS r
JOIN source.metering_point AS p ON p.metering_point_id = r.metering_point_id
LEFT JOIN facts.bill_net AS n ON n.account_id = p.account_id AND n.period = $period
WHERE r.period = $period AND r.register = 'active_total' AND r.original_value IS NOT NULL
