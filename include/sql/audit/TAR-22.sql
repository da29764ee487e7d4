/*
title: Power-factor adjustment missing or wrong
zh: 力调电费错误
kind: exception
modes: [nightly]
subject: bill
severity: high
flags: >-
  account with a power_factor_standard, bill of P that corrects none: its power_factor lines with its corrections' differ from the
  recalculation by more than tolerance_amount and tolerance_share of it.
at_stake: recalculated less billed
params:
  tolerance_amount: {type: number, default: 1.00, minimum: 0, doc: Currency that may differ.}
  tolerance_share: {type: number, default: 0.01, minimum: 0, doc: Share of the recalculated adjustment that may differ.}
messages:
  en: "The power-factor adjustment billed is {billed_power_factor_amount}; at power factor {power_factor} it is {power_factor_amount}."
  zh: "账单力调电费 {billed_power_factor_amount} 元，按功率因数 {power_factor} 应为 {power_factor_amount} 元。"
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
WHERE account.power_factor_standard IS NOT NULL
