/*
title: Demand jumps and energy does not
zh: 需量突变电量未变
flags_zh: 审核月最大需量高于前 6 个月（至少 3 个月）中位数的 max_ratio 倍或低于其 1/max_ratio，而计费电量与其中位数相差不超过 energy_change，列出复核。
what_to_do:
  en: Check the demand reading, its reset and the multiplier; ask the customer what changed.
  zh: 复核需量示数、清零和倍率，了解客户负荷变化。
kind: listing
modes: [nightly]
subject: account
severity: low
judges: month
proof: same
flags: >-
  demand of P (registers) above max_ratio times, or below 1 / max_ratio of, the median of the 6 periods before (at least 3),
  while net billed_kwh is within energy_change of its own median.
params:
  max_ratio: {type: number, default: 1.8, minimum: 1, doc: 'Demand over its median above which, and under whose inverse, it has jumped.'}
  energy_change: {type: number, default: 0.15, minimum: 0, doc: 'Share of its median within which energy has not changed.'}
  min_periods: {type: integer, default: 3, minimum: 1, maximum: 6, doc: 'Periods before P that must be there to compare with.'}
messages:
  en: "The demand was {demand_kw} kW where its median before is {median_demand_kw} kW ({max_ratio} times is the limit), while {billed_kwh} kWh were billed where the median is {median_kwh} kWh (a change of up to {max_energy_change})."
  zh: "本月最大需量 {demand_kw} kW，前期中位数 {median_demand_kw} kW（限值 {max_ratio} 倍）；计费电量 {billed_kwh} kWh，前期中位数 {median_kwh} kWh（变化不超过 {max_energy_change}）。"
*/
SELECT
  demand_before.account_id AS subject_id,
  demand_before.account_id,
  (
    ROUND(demand_before.demand_kw - $max_ratio * demand_before.median_demand_kw, 6) > 0
    OR ROUND($max_ratio * demand_before.demand_kw - demand_before.median_demand_kw, 6) < 0
  )
  AND ROUND(
    ABS(bill_net.billed_kwh - bill_before.median_kwh) - $energy_change * ABS(bill_before.median_kwh), 6
  )
  <= 0 AS flagged,
  CASE
    WHEN demand_before.periods_before < $min_periods OR bill_before.periods_before < $min_periods
      THEN 'too_few_periods_before'
  END AS not_checked,
  demand_before.demand_kw,
  demand_before.median_demand_kw,
  demand_before.periods_before,
  ROUND(RATIO(demand_before.demand_kw, demand_before.median_demand_kw), 3) AS demand_ratio,
  $max_ratio AS max_ratio,
  bill_net.billed_kwh,
  bill_before.median_kwh,
  $energy_change AS max_energy_change
FROM facts.demand_before
LEFT JOIN facts.bill_net ON bill_net.account_id = demand_before.account_id AND bill_net.period = $period
LEFT JOIN facts.bill_before ON bill_before.account_id = demand_before.account_id
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = demand_before.account_id
WHERE COALESCE(billing_cycle.is_due, TRUE)
