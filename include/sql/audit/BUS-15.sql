/*
title: Takes more than its contract
zh: 超合同容量用电
flags_zh: 审核月各主计量点最大需量之和与同时最大区间负荷的较大者，超过 max_share × 合同容量，且合同容量不低于 min_kva。
what_to_do:
  en: >-
    Inspect the equipment on site; an increase without application is treated as a breach of contract, and
    the customer applies for the capacity.
  zh: 现场核查用电设备，私自增容的按违约用电处理，并督促客户办理增容。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: month
proof: next
site: true
flags: >-
  the larger of max_demand_kw x multiplier of P summed over its main points, and the highest sum of their measured interval demands
  in P (only intervals in which all of them are measured), is above max_share x contracted_kva, and contracted_kva at least min_kva.
params:
  max_share: {type: number, default: 1.05, minimum: 0, doc: Demand in kW for each contracted kVA.}
  min_kva: {type: number, default: 50, minimum: 0, doc: From this contracted capacity on.}
messages:
  en: "The highest demand of the month is {highest_kw} kW; {contracted_kva} kVA are contracted and {allowed_kw} kW allowed."
  zh: "本月最大需量 {highest_kw} kW，合同容量 {contracted_kva} kVA，允许 {allowed_kw} kW。"
*/
WITH judged AS (
  SELECT
    account_demand.account_id,
    account_demand.contracted_kva,
    account_demand.main_points,
    -- A demand that was read in a month without a bill is no finding of that month.
    CASE WHEN COALESCE(billing_cycle.is_due, TRUE) THEN account_demand.register_kw END AS register_kw,
    account_demand.interval_kw
  FROM facts.account_demand
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = account_demand.account_id
),

highest AS (
  SELECT
    judged.*,
    CASE
      WHEN judged.register_kw IS NULL OR judged.interval_kw > judged.register_kw THEN judged.interval_kw
      ELSE judged.register_kw
    END AS highest_kw
  FROM judged
)

SELECT
  highest.account_id AS subject_id,
  highest.account_id,
  ROUND(highest.highest_kw, 6) > ROUND($max_share * highest.contracted_kva, 6) AS flagged,
  highest.highest_kw,
  highest.register_kw,
  highest.interval_kw,
  highest.main_points,
  highest.contracted_kva,
  ROUND($max_share * highest.contracted_kva, 6) AS allowed_kw,
  $max_share AS max_share
FROM highest
WHERE highest.highest_kw IS NOT NULL
