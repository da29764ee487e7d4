/*
title: Consumption impossible or absurd for the capacity
zh: 月用电量与报装容量极端不匹配
flags_zh: 审核月计费电量折算的容量利用率高于 max_use；或容量不低于 min_kva、未暂停，利用率大于 0 而低于 min_use。
what_to_do:
  en: >-
    Check multiplier, readings and capacity. A use that cannot be is billed anew; a use above the contract
    is an unauthorised increase and is looked into on site.
  zh: 核对倍率、示数和容量：电量有误的更正退补；确属超容的，按私自增容现场查处；利用率过低的核实计量是否失准。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: month
proof: next
effect_of: [MET-03]
flags: >-
  net billed_kwh / (contracted_kva x hours in P) above max_use; or, from min_kva up and not suspended,
  above 0 and below min_use.
params:
  max_use: {type: number, default: 1.0, minimum: 0, doc: Highest share of the capacity over all hours of P.}
  min_use: {type: number, default: 0.005, minimum: 0, doc: Lowest share of the capacity over all hours of P.}
  min_kva: {type: number, default: 100, minimum: 0, doc: Smallest capacity in kVA that the lowest share is asked of.}
messages:
  en: "The {billed_kwh} kWh billed are {use_share} of what {contracted_kva} kVA can take in the month; {min_use} to {max_use} are plausible."
  zh: "月计费电量 {billed_kwh} kWh，为容量 {contracted_kva} kVA 全月可用电量的 {use_share}，合理范围 {min_use} 至 {max_use}。"
*/
WITH judged AS (
  SELECT
    account.account_id,
    bill_net.billed_kwh,
    account.contracted_kva,
    COALESCE(suspension_period.suspended_days, 0) AS suspended_days,
    $period_hours * COALESCE(billing_cycle.billing_months, 1) AS hours
  FROM source.account
  INNER JOIN facts.bill_net ON bill_net.account_id = account.account_id AND bill_net.period = $period
  LEFT JOIN facts.suspension_period
    ON suspension_period.account_id = account.account_id AND suspension_period.period = $period
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = account.account_id
  WHERE COALESCE(billing_cycle.is_due, TRUE)
)

SELECT
  judged.account_id AS subject_id,
  judged.account_id,
  judged.contracted_kva > 0
  AND (
    ROUND(judged.billed_kwh, 6) > ROUND($max_use * judged.contracted_kva * judged.hours, 6)
    OR (
      judged.contracted_kva >= $min_kva AND judged.suspended_days = 0 AND ROUND(judged.billed_kwh, 6) > 0
      AND ROUND(judged.billed_kwh, 6) < ROUND($min_use * judged.contracted_kva * judged.hours, 6)
    )
  ) AS flagged,
  judged.billed_kwh,
  judged.contracted_kva,
  judged.hours,
  judged.suspended_days,
  RATIO(judged.billed_kwh, judged.contracted_kva * judged.hours) AS use_share,
  $max_use AS max_use,
  $min_use AS min_use,
  $min_kva AS min_kva
FROM judged
