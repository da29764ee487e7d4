/*
title: Energy does not follow from the readings
zh: 电量不符合计算公式
flags_zh: 审核月非更正账单（含其更正）的抄见电量，与主表减分表按（止度 − 起度）× 倍率计算的电量相差超过 tolerance_kwh；无法复算电量的账单除外。
what_to_do:
  en: >-
    Calculate the energy anew from the readings and bill the difference; find the step at which it was
    changed.
  zh: 按示数重新计算电量并退补差额，查明改动环节。
kind: exception
modes: [nightly]
subject: bill
severity: high
judges: month
proof: same
effect_of: [MET-14, TAR-01, TAR-02, TAR-18]
flags: >-
  a bill of P that corrects none, whose metered_kwh with its corrections' differs by more than tolerance_kwh from the sum over the
  account's main points less its sub points of (current - previous, rolled over as in TAR-02 or split at a replace as in the shadow
  bill) x multiplier; bills that step 1 of the shadow bill or an allocation leaves out are left out, no others.
at_stake: (energy by the readings less billed) x average energy price
params:
  tolerance_kwh: {type: number, default: 1, minimum: 0, doc: kWh that may differ.}
messages:
  en: "{billed_kwh} kWh were billed as metered; the readings give {reading_kwh} kWh (tolerance {tolerance_kwh} kWh)."
  zh: "账单抄见电量 {billed_kwh} kWh，按示数计算为 {reading_kwh} kWh（允许偏差 {tolerance_kwh} kWh）。"
*/
WITH correction AS (
  SELECT
    bill_correction.bill_id,
    EXACT_SUM(bill.metered_kwh) AS metered_kwh
  FROM facts.bill_correction
  JOIN source.bill ON bill.bill_id = bill_correction.correction_bill_id
  GROUP BY bill_correction.bill_id
),

billed AS (
  SELECT
    shadow_bill.bill_id,
    shadow_bill.account_id,
    shadow_bill.period,
    shadow_bill.energy_not_checked,
    shadow_bill.metered_kwh AS reading_kwh,
    shadow_bill.billed_metered_kwh + COALESCE(correction.metered_kwh, 0) AS billed_kwh
  FROM facts.shadow_bill
  LEFT JOIN correction ON correction.bill_id = shadow_bill.bill_id
)

SELECT
  billed.bill_id AS subject_id,
  billed.account_id,
  billed.energy_not_checked AS not_checked,
  ROUND(ABS(billed.reading_kwh - billed.billed_kwh), 6) > $tolerance_kwh AS flagged,
  MONEY((billed.reading_kwh - billed.billed_kwh) * bill_net.average_energy_price) AS at_stake_amount,
  billed.billed_kwh,
  billed.reading_kwh,
  $tolerance_kwh AS tolerance_kwh,
  bill_net.average_energy_price
FROM billed
LEFT JOIN facts.bill_net ON bill_net.account_id = billed.account_id AND bill_net.period = billed.period
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = billed.account_id
WHERE COALESCE(billing_cycle.is_due, TRUE)
