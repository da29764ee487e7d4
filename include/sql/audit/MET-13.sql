/*
title: Meter plan swings
zh: 月度用表计划明显波动
kind: exception
modes: [nightly]
subject: org_unit
severity: low
flags: >-
  a unit's planned_count summed over models in P differs from the mean of the six calendar months before P,
  of those with rows (at least 3), by more than max_change of that mean.
params:
  max_change: {type: number, default: 0.5, minimum: 0, doc: 'Largest change as a share of the mean before.'}
messages:
  en: >-
    {planned_count} meters planned, {mean_before} on average before.
  zh: >-
    本月计划用表 {planned_count}，此前月均 {mean_before}。
*/
WITH month_plan AS (
  SELECT m.org_unit_id, m.month, INTEGER_SUM(m.planned_count) AS planned
  FROM source.meter_plan AS m
  WHERE m.month >= ADD_MONTHS($period, -6)
    AND m.month <= $period
  GROUP BY m.org_unit_id, m.month
),
unit AS (
  SELECT m.org_unit_id,
         MAX(m.planned) FILTER (WHERE m.month = $period) AS planned,
         COUNT(*) FILTER (WHERE m.month < $period) AS months_before,
         AVG(CASE WHEN m.month < $period THEN CAST(m.planned AS DOUBLE) END) AS mean_before
  FROM month_plan AS m
  GROUP BY m.org_unit_id
)
SELECT u.org_unit_id AS subject_id,
       u.org_unit_id,
       u.months_before >= 3 AND ROUND(ABS(u.planned - u.mean_before) - $max_change * u.mean_before, 6) > 0 AS flagged,
       u.planned AS planned_count,
       u.mean_before,
       u.months_before,
       $max_change AS max_change
FROM unit AS u
WHERE u.planned IS NOT NULL
