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
SELECT s.bill_id AS subject_id,
       s.account_id,
       s.not_checked,
       ROUND(ABS(CAST(s.billed_power_factor_amount - s.power_factor_amount AS DOUBLE)), 6) > $tolerance_amount
         AND ROUND(ABS(CAST(s.billed_power_factor_amount - s.power_factor_amount AS DOUBLE)), 6)
             > ROUND($tolerance_share * ABS(CAST(s.power_factor_amount AS DOUBLE)), 6) AS flagged,
       MONEY(s.power_factor_amount - s.billed_power_factor_amount) AS at_stake_amount,
       s.billed_power_factor_amount,
       s.power_factor_amount,
       s.power_factor,
       a.power_factor_standard,
       $tolerance_amount AS tolerance_amount,
       $tolerance_share AS tolerance_share
FROM facts.shadow_bill AS s
JOIN source.account AS a ON a.account_id = s.account_id
WHERE a.power_factor_standard IS NOT NULL
