/*
title: Meter plan swings
zh: 月度用表计划明显波动
flags_zh: 单位审核月计划用表数量与前 6 个月（至少 3 个月有数据）均值之差超过均值的 max_change。
what_to_do:
  en: Have the unit give its grounds (rotation, projects) and correct the plan where there are none.
  zh: 要求单位说明原因（轮换、工程等），无正当理由的调整计划。
kind: exception
modes: [nightly]
subject: org_unit
severity: low
judges: month
proof: next
flags: >-
  a unit's planned_count summed over models in P differs from the mean of the six calendar months before P,
  of those with rows (at least 3), by more than max_change of that mean.
params:
  max_change: {type: number, default: 0.5, minimum: 0, doc: 'Largest change as a share of the mean before.'}
messages:
  en: "{planned_count} meters are planned for the month; the months before have a mean of {mean_before}, from which {max_change} is allowed."
  zh: "本月计划用表 {planned_count} 只，此前月均 {mean_before} 只，允许波动 {max_change}。"
*/
WITH month_plan AS (
  SELECT
    meter_plan.org_unit_id,
    meter_plan.month,
    INTEGER_SUM(meter_plan.planned_count) AS planned
  FROM source.meter_plan
  WHERE
    meter_plan.month >= ADD_MONTHS($period, -6)
    AND meter_plan.month <= $period
  GROUP BY meter_plan.org_unit_id, meter_plan.month
),

unit AS (
  SELECT
    month_plan.org_unit_id,
    MAX(month_plan.planned) FILTER (WHERE month_plan.month = $period) AS planned,
    COUNT(*) FILTER (WHERE month_plan.month < $period) AS months_before,
    AVG(CASE WHEN month_plan.month < $period THEN CAST(month_plan.planned AS DOUBLE) END) AS mean_before
  FROM month_plan
  GROUP BY month_plan.org_unit_id
)

SELECT
  unit.org_unit_id AS subject_id,
  unit.org_unit_id,
  unit.months_before >= 3
  AND ROUND(ABS(unit.planned - unit.mean_before) - $max_change * unit.mean_before, 6) > 0 AS flagged,
  unit.planned AS planned_count,
  unit.mean_before,
  unit.months_before,
  $max_change AS max_change
FROM unit
WHERE unit.planned IS NOT NULL
