/*
title: Consumption impossible or absurd for the capacity
zh: 月用电量与报装容量极端不匹配
kind: exception
modes: [nightly]
subject: account
severity: medium
flags: >-
  net billed_kwh / (contracted_kva x hours in P) above max_use; or, from min_kva up and not suspended,
  above 0 and below min_use.
params:
  max_use: {type: number, default: 1.0, minimum: 0, doc: Highest share of the capacity over all hours of P.}
  min_use: {type: number, default: 0.005, minimum: 0, doc: Lowest share of the capacity over all hours of P.}
  min_kva: {type: number, default: 100, minimum: 0, doc: Smallest capacity in kVA that the lowest share is asked of.}
messages:
  en: "{billed_kwh} kWh use {use_share} of {contracted_kva} kVA over the month."
  zh: "月用电量 {billed_kwh} kWh，为容量 {contracted_kva} kVA 的 {use_share}。"
*/
WITH judged AS (
  SELECT
    account.account_id,
    bill_net.billed_kwh,
    account.contracted_kva,
    COALESCE(suspension_period.suspended_days, 0) AS suspended_days,
    RATIO(bill_net.billed_kwh, account.contracted_kva * $period_hours) AS use_share,
    ROUND($max_use * account.contracted_kva * $period_hours, 6) AS highest_kwh,
    ROUND($min_use * account.contracted_kva * $period_hours, 6) AS lowest_kwh
  FROM source.account
  INNER JOIN facts.bill_net ON bill_net.account_id = account.account_id AND bill_net.period = $period
  LEFT JOIN facts.suspension_period
    ON suspension_period.account_id = account.account_id AND suspension_period.period = $period
)

SELECT
  judged.account_id AS subject_id,
  judged.account_id,
  judged.contracted_kva > 0
  AND (
    ROUND(judged.billed_kwh, 6) > judged.highest_kwh
    OR (
      judged.contracted_kva >= $min_kva AND judged.suspended_days = 0 AND ROUND(judged.billed_kwh, 6) > 0
      AND ROUND(judged.billed_kwh, 6) < judged.lowest_kwh
    )
  ) AS flagged,
  judged.billed_kwh,
  judged.contracted_kva,
  $period_hours AS hours,
  judged.suspended_days,
  judged.use_share,
  $max_use AS max_use,
  $min_use AS min_use,
  $min_kva AS min_kva
FROM judged
