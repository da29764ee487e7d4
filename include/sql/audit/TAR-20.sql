/*
title: Bill differs from its recalculation
zh: 电费复算不符
kind: exception
modes: [nightly]
subject: bill
severity: high
flags: >-
  a bill of P that corrects none, whose total with its corrections differs from the shadow bill (on the bill's own tariff_code) by
  more than tolerance_amount and by more than tolerance_share of the shadow; the evidence gives each component billed and
  recalculated.
at_stake: recalculated less billed
params:
  tolerance_amount: {type: number, default: 1.00, minimum: 0, doc: Currency that may differ.}
  tolerance_share: {type: number, default: 0.005, minimum: 0, doc: Share of the recalculated total that may differ.}
messages:
  en: "{billed_total_amount} was billed, the recalculation gives {total_amount}."
  zh: "账单金额 {billed_total_amount} 元，复算金额 {total_amount} 元。"
*/
SELECT s.bill_id AS subject_id,
       s.account_id,
       s.not_checked,
       ROUND(ABS(CAST(s.billed_total_amount - s.total_amount AS DOUBLE)), 6) > $tolerance_amount
         AND ROUND(ABS(CAST(s.billed_total_amount - s.total_amount AS DOUBLE)), 6)
             > ROUND($tolerance_share * ABS(CAST(s.total_amount AS DOUBLE)), 6) AS flagged,
       MONEY(s.total_amount - s.billed_total_amount) AS at_stake_amount,
       s.tariff_code,
       s.billed_total_amount,
       s.total_amount,
       s.billed_energy_amount,
       s.energy_amount,
       s.billed_loss_amount,
       s.loss_amount,
       s.billed_capacity_amount,
       s.capacity_amount,
       s.billed_demand_amount,
       s.demand_amount,
       s.billed_power_factor_amount,
       s.power_factor_amount,
       s.billed_surcharge_amount,
       s.surcharge_amount,
       s.billed_adjustment_amount,
       s.billed_metered_kwh,
       s.metered_kwh,
       s.loss_kwh,
       s.power_factor,
       $tolerance_amount AS tolerance_amount,
       $tolerance_share AS tolerance_share
FROM facts.shadow_bill AS s
