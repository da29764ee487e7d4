/*
title: Reading runs backwards or too fast
zh: 抄见示数不合理
flags_zh: 审核月有功总止度小于起度，且未换表也未翻转；或电量超过 max_use × 合同容量 × 当月小时数。
what_to_do:
  en: >-
    Read the meter again on site; correct the reading or the multiplier before the bill is issued, or bill
    anew.
  zh: 现场复抄，出账前更正示数或倍率；已出账的退补。
kind: exception
modes: [nightly]
subject: metering_point
severity: high
judges: month
proof: same
effect_of: [MET-03]
flags: >-
  active_total in P: current below previous with no replace in between and no rollover (the register counts as rolled over where
  previous is at least 90% of 10^digits, and the wrapped difference x multiplier within contracted_kva x hours in P); or
  (current - previous) x multiplier above max_use x contracted_kva x hours in P.
params:
  max_use: {type: number, default: 1.2, minimum: 0, doc: Share of contracted_kva x hours that may be used.}
messages:
  en: "The register went from {previous_value} to {current_value}[, which is {difference_kwh} kWh][; between 0 and {limit_kwh} kWh is possible][ at {contracted_kva} kVA]."
  zh: "示数由 {previous_value} 到 {current_value}[，折合 {difference_kwh} kWh][；容量 {contracted_kva} kVA][；合理电量为 0 至 {limit_kwh} kWh]。"
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
  > ROUND(
    $max_use * account.contracted_kva * $period_hours * COALESCE(billing_cycle.billing_months, 1), 6
  ) AS flagged,
  register_energy.previous_value,
  register_energy.current_value,
  register_energy.multiplier,
  ROUND((register_energy.current_value - register_energy.previous_value) * register_energy.multiplier, 6)
    AS difference_kwh,
  ROUND($max_use * account.contracted_kva * $period_hours * COALESCE(billing_cycle.billing_months, 1), 6)
    AS limit_kwh,
  account.contracted_kva,
  $period_hours * COALESCE(billing_cycle.billing_months, 1) AS hours,
  register_energy.is_rollover,
  register_energy.read_at
FROM facts.register_energy
LEFT JOIN source.account ON account.account_id = register_energy.account_id
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = register_energy.account_id
WHERE
  register_energy.period = $period
  AND register_energy.register = 'active_total'
  AND COALESCE(billing_cycle.is_due, TRUE)
