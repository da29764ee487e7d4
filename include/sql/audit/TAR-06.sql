/*
title: Energy does not follow from the readings
zh: 电量不符合计算公式
kind: exception
modes: [nightly]
subject: bill
severity: high
flags: >-
  a bill of P that corrects none, whose metered_kwh differs by more than tolerance_kwh from the sum over the account's main points
  less its sub points of (current - previous, rolled over as in TAR-02 or split at a replace) x multiplier; bills whose energy
  is not recalculated are left out, no others.
at_stake: (energy by the readings less billed) x average energy price
params:
  tolerance_kwh: {type: number, default: 1, minimum: 0, doc: kWh that may differ.}
messages:
  en: "{billed_kwh} kWh were billed as metered, the readings give {reading_kwh} kWh."
  zh: "账单抄见电量 {billed_kwh} kWh，按示数计算为 {reading_kwh} kWh。"
*/
SELECT s.bill_id AS subject_id,
       s.account_id,
       s.energy_not_checked AS not_checked,
       ROUND(ABS(s.metered_kwh - s.billed_metered_kwh), 6) > $tolerance_kwh AS flagged,
       MONEY((s.metered_kwh - s.billed_metered_kwh) * n.average_energy_price) AS at_stake_amount,
       s.billed_metered_kwh AS billed_kwh,
       s.metered_kwh AS reading_kwh,
       $tolerance_kwh AS tolerance_kwh,
       n.average_energy_price
FROM facts.shadow_bill AS s
LEFT JOIN facts.bill_net AS n ON n.account_id = s.account_id AND n.period = s.period
