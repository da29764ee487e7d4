/*
title: Stuck or impossible intervals
zh: 采集数据异常
flags_zh: 审核月内：同一非零电量连续不变达到 stuck_hours 小时；无自备电源而电量为负；或区间负荷超过 spike × 合同容量。
what_to_do:
  en: See meter and terminal on site; values that cannot be are edited before they are billed.
  zh: 现场检查电能表和采集终端；异常数据经核实修正后方可用于计费。
kind: exception
modes: [nightly]
subject: metering_point
severity: medium
judges: month
proof: next
site: true
flags: >-
  in P, over rows with a kwh (a gap ends a run): the same kwh above 0 for at least stuck_hours hours on end;
  a negative kwh, where its account, if any, neither has_self_generation nor has a generator; or an interval
  above spike x contracted_kva x its length.
params:
  stuck_hours: {type: number, default: 24, minimum: 12, doc: 'Hours of one and the same kwh that are no use any more.'}
  spike: {type: number, default: 1.5, minimum: 0, doc: 'Highest mean power in contracted kVA.'}
messages:
  en:
    - "The intervals are {problems}: the same for {stuck_hours} hours (limit {max_stuck_hours}), lowest {min_kwh} kWh, highest {max_kw} kW (limit {max_plausible_kw} kW)."
    - "The intervals are {problems}: lowest {min_kwh} kWh, highest {max_kw} kW (limit {max_plausible_kw} kW)."
    - "The intervals are {problems}: lowest {min_kwh} kWh, highest {max_kw} kW."
  zh:
    - "采集数据{problems}：连续不变 {stuck_hours} 小时（限值 {max_stuck_hours}），最小 {min_kwh} kWh，最大 {max_kw} kW（限值 {max_plausible_kw} kW）。"
    - "采集数据{problems}：最小 {min_kwh} kWh，最大 {max_kw} kW（限值 {max_plausible_kw} kW）。"
    - "采集数据{problems}：最小 {min_kwh} kWh，最大 {max_kw} kW。"
*/
WITH generating AS (
  SELECT account.account_id
  FROM source.account
  WHERE account.has_self_generation
  UNION
  SELECT customer_equipment.account_id
  FROM source.customer_equipment
  WHERE customer_equipment.kind = 'generator'
)

SELECT
  interval_period.metering_point_id AS subject_id,
  metering_point.account_id,
  interval_period.stuck_hours >= $stuck_hours
  OR (interval_period.min_kwh < 0 AND generating.account_id IS NULL)
  OR COALESCE(ROUND(interval_period.max_kw - $spike * interval_period.contracted_kva, 6) > 0, FALSE)
    AS flagged,
  CONCAT_WS(
    ', ',
    CASE WHEN interval_period.stuck_hours >= $stuck_hours THEN 'stuck' END,
    CASE WHEN interval_period.min_kwh < 0 AND generating.account_id IS NULL THEN 'negative' END,
    CASE WHEN ROUND(interval_period.max_kw - $spike * interval_period.contracted_kva, 6) > 0 THEN 'spike' END)
    AS problems,
  interval_period.stuck_hours,
  interval_period.stuck_from,
  interval_period.stuck_kwh,
  interval_period.min_kwh,
  interval_period.max_kw,
  interval_period.contracted_kva,
  $stuck_hours AS max_stuck_hours,
  $spike * interval_period.contracted_kva AS max_plausible_kw
FROM facts.interval_period
LEFT JOIN source.metering_point ON metering_point.metering_point_id = interval_period.metering_point_id
LEFT JOIN generating ON generating.account_id = metering_point.account_id
WHERE interval_period.min_kwh IS NOT NULL
