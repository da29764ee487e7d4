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
  SELECT a.account_id,
         n.billed_kwh,
         a.contracted_kva,
         COALESCE(s.suspended_days, 0) AS suspended_days,
         RATIO(n.billed_kwh, a.contracted_kva * $period_hours) AS use_share,
         ROUND($max_use * a.contracted_kva * $period_hours, 6) AS highest_kwh,
         ROUND($min_use * a.contracted_kva * $period_hours, 6) AS lowest_kwh
  FROM source.account AS a
  INNER JOIN facts.bill_net AS n ON n.account_id = a.account_id AND n.period = $period
  LEFT JOIN facts.suspension_period AS s ON s.account_id = a.account_id AND s.period = $period
)
SELECT j.account_id AS subject_id,
       j.account_id,
       j.contracted_kva > 0
         AND (ROUND(j.billed_kwh, 6) > j.highest_kwh
              OR (j.contracted_kva >= $min_kva AND j.suspended_days = 0 AND ROUND(j.billed_kwh, 6) > 0
                  AND ROUND(j.billed_kwh, 6) < j.lowest_kwh)) AS flagged,
       j.billed_kwh,
       j.contracted_kva,
       $period_hours AS hours,
       j.suspended_days,
       j.use_share,
       $max_use AS max_use,
       $min_use AS min_use,
       $min_kva AS min_kva
FROM judged AS j
