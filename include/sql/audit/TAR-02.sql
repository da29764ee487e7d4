/*
title: Reading runs backwards or too fast
zh: 抄见示数不合理
kind: exception
modes: [nightly]
subject: metering_point
severity: high
flags: >-
  active_total in P: current below previous with no replace in between and no rollover (the register counts as rolled over where
  previous is at least 90% of 10^digits, and the wrapped difference x multiplier within contracted_kva x hours in P); or
  (current - previous) x multiplier above max_use x contracted_kva x hours in P.
params:
  max_use: {type: number, default: 1.2, minimum: 0, doc: Share of contracted_kva x hours that may be used.}
messages:
  en: "The register went from {previous_value} to {current_value}; at most {limit_kwh} kWh can have been used."
  zh: "示数由 {previous_value} 变为 {current_value}，本期最大可能电量为 {limit_kwh} kWh。"
*/
SELECT e.metering_point_id AS subject_id,
       e.account_id,
       (e.current_value < e.previous_value AND e.replaces = 0 AND NOT e.is_rollover)
         OR ROUND((e.current_value - e.previous_value) * e.multiplier, 6) > ROUND($max_use * a.contracted_kva * $period_hours, 6) AS flagged,
       e.previous_value,
       e.current_value,
       e.multiplier,
       ROUND((e.current_value - e.previous_value) * e.multiplier, 6) AS difference_kwh,
       ROUND($max_use * a.contracted_kva * $period_hours, 6) AS limit_kwh,
       a.contracted_kva,
       $period_hours AS hours,
       e.is_rollover,
       e.read_at
FROM facts.register_energy AS e
LEFT JOIN source.account AS a ON a.account_id = e.account_id
WHERE e.period = $period AND e.register = 'active_total'
