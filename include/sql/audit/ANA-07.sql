/*
title: Billed demand is not what the intervals show
zh: 需量与负荷曲线不符
flags_zh: "按需量计费账户的主计量点，审核月实测完整率不低于 95%：最大区间负荷高于计费需量超过 max_over，或计费需量高于最大区间负荷超过 max_under，且相差超过 min_kw。"
what_to_do:
  en: Read the demand register and its multiplier on site, and bill the demand that was measured.
  zh: 现场核对需量示数和倍率，按实测需量退补基本电费。
kind: exception
modes: [nightly]
subject: metering_point
severity: high
judges: month
proof: next
flags: >-
  a main point of an account with demand_basis contract_demand or actual_demand, at least 95% of its intervals of P measured,
  of at most 30 minutes: the highest interval demand is above the billed one (max_demand_kw x multiplier) by more than
  max_over of it; or the billed one is above the highest interval demand by more than max_under of the latter; and by more
  than min_kw.
at_stake: (highest interval demand less billed demand) x demand price
params:
  max_over: {type: number, default: 0.03, minimum: 0, doc: 'Share of the billed demand by which the intervals may be above it.'}
  max_under: {type: number, default: 0.25, minimum: 0, doc: 'Share of the highest interval demand by which the billed one may be above it.'}
  min_kw: {type: number, default: 5, minimum: 0, doc: 'Smallest difference looked at.'}
  min_measured_share: {type: number, default: 0.95, minimum: 0, maximum: 1, doc: 'Share of the intervals of P that must be measured.'}
messages:
  en: "The register says a demand of {billed_kw} kW; the highest of the intervals is {interval_kw} kW (allowed: {max_over_share} above the billed one, {max_under_share} below the highest, {min_kw} kW)."
  zh: "计费需量 {billed_kw} kW，负荷曲线最大值 {interval_kw} kW（允许负荷高出 {max_over_share}、需量高出 {max_under_share}、相差 {min_kw} kW）。"
*/
SELECT
  demand_check.metering_point_id AS subject_id,
  demand_check.account_id,
  ROUND(ABS(demand_check.interval_kw - demand_check.billed_kw) - $min_kw, 6) > 0
  AND (
    ROUND(demand_check.interval_kw - demand_check.billed_kw - $max_over * demand_check.billed_kw, 6) > 0
    OR ROUND(demand_check.billed_kw - demand_check.interval_kw - $max_under * demand_check.interval_kw, 6) > 0
  ) AS flagged,
  CASE
    WHEN demand_check.not_checked IS NOT NULL THEN demand_check.not_checked
    WHEN
      demand_check.expected <= 0
      OR ROUND(demand_check.measured - $min_measured_share * demand_check.expected, 6) < 0
      THEN 'intervals_missing'
  END AS not_checked,
  MONEY((demand_check.interval_kw - demand_check.billed_kw) * price_in_force.unit_price) AS at_stake_amount,
  demand_check.billed_kw,
  demand_check.interval_kw,
  ROUND(demand_check.interval_kw - demand_check.billed_kw, 6) AS difference_kw,
  $max_over AS max_over_share,
  $max_under AS max_under_share,
  $min_kw AS min_kw,
  demand_check.measured,
  demand_check.expected,
  demand_check.demand_basis,
  price_in_force.unit_price AS demand_price
FROM facts.demand_check
LEFT JOIN core.price_in_force
  ON price_in_force.tariff_code = demand_check.tariff_code AND price_in_force.component = 'demand'
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = demand_check.account_id
WHERE COALESCE(billing_cycle.is_due, TRUE)
