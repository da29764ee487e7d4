/*
title: Meter or current transformer does not fit the capacity
zh: 表计、互感器规格与容量不匹配
kind: exception
modes: [online, nightly]
subject: metering_point
severity: medium
flags: >-
  with I = contracted_kva / (sqrt(3) x metering_kv) for three phases, contracted_kva / 0.22 for one phase,
  at the main point: a current transformer's primary_value is below ct_min x I or above ct_max x I; or,
  with no current transformer, max_current_a is below I. Phases are those of the meter in meter_id.
params:
  ct_min: {type: number, default: 1.0, minimum: 0, doc: Lowest primary current of a current transformer as a multiple of the current.}
  ct_max: {type: number, default: 3.0, minimum: 0, doc: Highest primary current of a current transformer as a multiple of the current.}
messages:
  en:
    - "At {current_a} A, the current transformers of the point ({lowest_a} to {highest_a} A) do not fit."
    - "At {current_a} A, meter {meter_id} (up to {max_current_a} A) does not fit."
  zh:
    - "计算电流 {current_a} A，电流互感器（{lowest_a} 至 {highest_a} A）不匹配。"
    - "计算电流 {current_a} A，表计 {meter_id}（最大 {max_current_a} A）不匹配。"
*/
WITH ct AS (
  SELECT i.metering_point_id,
         COUNT(*) AS transformers,
         MIN(i.primary_value) AS lowest_a,
         MAX(i.primary_value) AS highest_a
  FROM source.instrument_transformer AS i
  WHERE i.kind = 'ct' AND i.metering_point_id IS NOT NULL
  GROUP BY i.metering_point_id
),
point AS (
  SELECT m.metering_point_id,
         a.account_id,
         a.contracted_kva,
         a.metering_kv,
         e.meter_id,
         e.phases,
         e.max_current_a,
         COALESCE(c.transformers, 0) AS current_transformers,
         c.lowest_a,
         c.highest_a,
         ROUND(CASE e.phases WHEN 3 THEN a.contracted_kva / NULLIF(SQRT(3) * a.metering_kv, 0)
                             WHEN 1 THEN a.contracted_kva / 0.22 END, 6) AS current_a
  FROM source.metering_point AS m
  INNER JOIN source.account AS a ON a.account_id = m.account_id
  LEFT JOIN source.meter AS e ON e.meter_id = m.meter_id
  LEFT JOIN ct AS c ON c.metering_point_id = m.metering_point_id
  WHERE m.role = 'main' AND a.account_id IN (SELECT o.account_id FROM core.open_application AS o)
)
SELECT p.metering_point_id AS subject_id,
       p.account_id,
       CASE WHEN p.current_transformers > 0
            THEN COALESCE(p.lowest_a < ROUND($ct_min * p.current_a, 6), FALSE)
                 OR COALESCE(p.highest_a > ROUND($ct_max * p.current_a, 6), FALSE)
            ELSE p.max_current_a < p.current_a END AS flagged,
       p.contracted_kva,
       p.metering_kv,
       p.meter_id,
       p.phases,
       ROUND(p.current_a, 3) AS current_a,
       p.current_transformers,
       p.lowest_a,
       p.highest_a,
       p.max_current_a,
       $ct_min AS ct_min,
       $ct_max AS ct_max
FROM point AS p
