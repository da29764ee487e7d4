/*
title: Bill differs from its recalculation
zh: 电费复算不符
flags_zh: 审核月非更正账单（含其更正）的总额与按账单电价复算的电费之差，同时超过 tolerance_amount 和复算电费的 tolerance_share。
what_to_do:
  en: Compare billed and recalculated line by line, correct the wrong one, and bill the difference.
  zh: 逐项比对账单与复算结果，更正有误的分项并退补差额。
kind: exception
modes: [nightly]
subject: bill
severity: high
judges: month
proof: same
effect_of: [TAR-06, TAR-16, TAR-21, TAR-22]
flags: >-
  a bill of P that corrects none, whose total with its corrections differs from the shadow bill (on the bill's own tariff_code) by
  more than tolerance_amount and by more than tolerance_share of the shadow; the evidence gives each component billed and
  recalculated.
at_stake: recalculated less billed
params:
  tolerance_amount: {type: number, default: 1.00, minimum: 0, doc: Currency that may differ.}
  tolerance_share: {type: number, default: 0.005, minimum: 0, doc: Share of the recalculated total that may differ.}
messages:
  en: "{billed_total_amount} was billed, the recalculation gives {total_amount}; differences of up to {tolerance_amount} or {tolerance_share} are passed over."
  zh: "账单金额 {billed_total_amount} 元，复算 {total_amount} 元，允许相差 {tolerance_amount} 元或 {tolerance_share}。"
*/
SELECT
  shadow_bill.bill_id AS subject_id,
  shadow_bill.account_id,
  shadow_bill.not_checked,
  ROUND(ABS(CAST(shadow_bill.billed_total_amount - shadow_bill.total_amount AS DOUBLE)), 6)
  > $tolerance_amount
  AND ROUND(ABS(CAST(shadow_bill.billed_total_amount - shadow_bill.total_amount AS DOUBLE)), 6)
  > ROUND($tolerance_share * ABS(CAST(shadow_bill.total_amount AS DOUBLE)), 6) AS flagged,
  MONEY(shadow_bill.total_amount - shadow_bill.billed_total_amount) AS at_stake_amount,
  shadow_bill.tariff_code,
  shadow_bill.billed_total_amount,
  shadow_bill.total_amount,
  shadow_bill.billed_energy_amount,
  shadow_bill.energy_amount,
  shadow_bill.billed_loss_amount,
  shadow_bill.loss_amount,
  shadow_bill.billed_capacity_amount,
  shadow_bill.capacity_amount,
  shadow_bill.billed_demand_amount,
  shadow_bill.demand_amount,
  shadow_bill.billed_power_factor_amount,
  shadow_bill.power_factor_amount,
  shadow_bill.billed_surcharge_amount,
  shadow_bill.surcharge_amount,
  shadow_bill.billed_adjustment_amount,
  shadow_bill.billed_metered_kwh,
  shadow_bill.metered_kwh,
  shadow_bill.loss_kwh,
  shadow_bill.power_factor,
  $tolerance_amount AS tolerance_amount,
  $tolerance_share AS tolerance_share
FROM facts.shadow_bill
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = shadow_bill.account_id
WHERE COALESCE(billing_cycle.is_due, TRUE)
