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
SELECT
  shadow_bill.bill_id AS subject_id,
  shadow_bill.account_id,
  shadow_bill.energy_not_checked AS not_checked,
  ROUND(ABS(shadow_bill.metered_kwh - shadow_bill.billed_metered_kwh), 6) > $tolerance_kwh AS flagged,
  MONEY((shadow_bill.metered_kwh - shadow_bill.billed_metered_kwh) * bill_net.average_energy_price)
    AS at_stake_amount,
  shadow_bill.billed_metered_kwh AS billed_kwh,
  shadow_bill.metered_kwh AS reading_kwh,
  $tolerance_kwh AS tolerance_kwh,
  bill_net.average_energy_price
FROM facts.shadow_bill
LEFT JOIN facts.bill_net
  ON bill_net.account_id = shadow_bill.account_id AND bill_net.period = shadow_bill.period
