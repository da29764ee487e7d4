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
  SELECT
    instrument_transformer.metering_point_id,
    COUNT(*) AS transformers,
    MIN(instrument_transformer.primary_value) AS lowest_a,
    MAX(instrument_transformer.primary_value) AS highest_a
  FROM source.instrument_transformer
  WHERE instrument_transformer.kind = 'ct' AND instrument_transformer.metering_point_id IS NOT NULL
  GROUP BY instrument_transformer.metering_point_id
),

point AS (
  SELECT
    metering_point.metering_point_id,
    account.account_id,
    account.contracted_kva,
    account.metering_kv,
    meter.meter_id,
    meter.phases,
    meter.max_current_a,
    COALESCE(ct.transformers, 0) AS current_transformers,
    ct.lowest_a,
    ct.highest_a,
    ROUND(CASE meter.phases
      WHEN 3 THEN RATIO(account.contracted_kva, SQRT(3) * account.metering_kv)
      WHEN 1 THEN account.contracted_kva / 0.22
    END, 6) AS current_a
  FROM source.metering_point
  INNER JOIN source.account ON account.account_id = metering_point.account_id
  LEFT JOIN source.meter ON meter.meter_id = metering_point.meter_id
  LEFT JOIN ct ON ct.metering_point_id = metering_point.metering_point_id
  WHERE
    metering_point.role = 'main'
    AND account.account_id IN (SELECT open_application.account_id FROM core.open_application)
)

SELECT
  point.metering_point_id AS subject_id,
  point.account_id,
  CASE
    WHEN point.current_transformers > 0
      THEN
        COALESCE(point.lowest_a < ROUND($ct_min * point.current_a, 6), FALSE)
        OR COALESCE(point.highest_a > ROUND($ct_max * point.current_a, 6), FALSE)
    ELSE point.max_current_a < point.current_a
  END AS flagged,
  point.contracted_kva,
  point.metering_kv,
  point.meter_id,
  point.phases,
  ROUND(point.current_a, 3) AS current_a,
  point.current_transformers,
  point.lowest_a,
  point.highest_a,
  point.max_current_a,
  $ct_min AS ct_min,
  $ct_max AS ct_max
FROM point
