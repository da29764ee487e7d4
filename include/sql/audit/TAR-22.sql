/*
title: Power-factor adjustment missing or wrong
zh: 力调电费错误
flags_zh: 设有功率因数考核标准的账户，审核月非更正账单（含其更正）的力调电费与复算之差，同时超过 tolerance_amount 和复算值的 tolerance_share。
what_to_do:
  en: >-
    Check the standard, the reactive energy and the losses that go into the factor, and bill the difference.
  zh: 核对考核标准、无功电量和计入的损耗，退补力调电费差额。
kind: exception
modes: [nightly]
subject: bill
severity: high
judges: month
proof: same
effect_of: [ACC-16]
flags: >-
  account with a power_factor_standard, bill of P that corrects none: its power_factor lines with its corrections' differ from the
  recalculation by more than tolerance_amount and tolerance_share of it.
at_stake: recalculated less billed
params:
  tolerance_amount: {type: number, default: 1.00, minimum: 0, doc: Currency that may differ.}
  tolerance_share: {type: number, default: 0.01, minimum: 0, doc: Share of the recalculated adjustment that may differ.}
messages:
  en: "{billed_power_factor_amount} was billed as power-factor adjustment; [at a factor of {power_factor} ][by the standard of {power_factor_standard} ]it is {power_factor_amount} (tolerance {tolerance_amount} or {tolerance_share})."
  zh: "账单力调电费 {billed_power_factor_amount} 元；[功率因数 {power_factor}，][考核标准 {power_factor_standard}，]应为 {power_factor_amount} 元（允许相差 {tolerance_amount} 元或 {tolerance_share}）。"
*/
SELECT
  shadow_bill.bill_id AS subject_id,
  shadow_bill.account_id,
  shadow_bill.not_checked,
  ROUND(ABS(CAST(shadow_bill.billed_power_factor_amount - shadow_bill.power_factor_amount AS DOUBLE)), 6)
  > $tolerance_amount
  AND ROUND(ABS(CAST(shadow_bill.billed_power_factor_amount - shadow_bill.power_factor_amount AS DOUBLE)), 6)
  > ROUND($tolerance_share * ABS(CAST(shadow_bill.power_factor_amount AS DOUBLE)), 6) AS flagged,
  MONEY(shadow_bill.power_factor_amount - shadow_bill.billed_power_factor_amount) AS at_stake_amount,
  shadow_bill.billed_power_factor_amount,
  shadow_bill.power_factor_amount,
  shadow_bill.power_factor,
  account.power_factor_standard,
  $tolerance_amount AS tolerance_amount,
  $tolerance_share AS tolerance_share
FROM facts.shadow_bill
JOIN source.account ON account.account_id = shadow_bill.account_id
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = shadow_bill.account_id
WHERE account.power_factor_standard IS NOT NULL AND COALESCE(billing_cycle.is_due, TRUE)
