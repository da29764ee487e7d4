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
SELECT
  register_energy.metering_point_id AS subject_id,
  register_energy.account_id,
  (
    register_energy.current_value < register_energy.previous_value
    AND register_energy.replaces = 0
    AND NOT register_energy.is_rollover
  )
  OR ROUND((register_energy.current_value - register_energy.previous_value) * register_energy.multiplier, 6)
  > ROUND($max_use * account.contracted_kva * $period_hours, 6) AS flagged,
  register_energy.previous_value,
  register_energy.current_value,
  register_energy.multiplier,
  ROUND((register_energy.current_value - register_energy.previous_value) * register_energy.multiplier, 6)
    AS difference_kwh,
  ROUND($max_use * account.contracted_kva * $period_hours, 6) AS limit_kwh,
  account.contracted_kva,
  $period_hours AS hours,
  register_energy.is_rollover,
  register_energy.read_at
FROM facts.register_energy
LEFT JOIN source.account ON account.account_id = register_energy.account_id
WHERE register_energy.period = $period AND register_energy.register = 'active_total'
