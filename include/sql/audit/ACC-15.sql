/*
title: Meter or current transformer does not fit the capacity
zh: 表计、互感器规格与容量不匹配
flags_zh: 主计量点电流互感器一次电流低于计算电流的 ct_min 倍或高于 ct_max 倍；无电流互感器的，电能表最大电流低于计算电流。计算电流按办理后容量、计量电压和相数求得。
what_to_do:
  en: >-
    Have metering choose meter and current transformers for the capacity and change them before the account
    is energized.
  zh: 由计量专业按办理后容量重新选配电能表和电流互感器，送电前完成更换。
kind: exception
modes: [online, nightly]
subject: metering_point
severity: medium
judges: state
proof: same
flags: >-
  with I = K / (sqrt(3) x metering_kv) for three phases, K / 0.22 for one phase, K the capacity after the order
  (the largest where the account has several), at the main point: a current transformer's primary_value is below ct_min x I or above ct_max x I; or,
  with no current transformer, max_current_a is below I. Phases are those of the meter in meter_id.
params:
  ct_min: {type: number, default: 1.0, minimum: 0, doc: Lowest primary current of a current transformer as a multiple of the current.}
  ct_max: {type: number, default: 3.0, minimum: 0, doc: Highest primary current of a current transformer as a multiple of the current.}
messages:
  en:
    - "At {current_a} A ({capacity_after_kva} kVA after the order[, contracted {contracted_kva} kVA]), the current transformers of the point ({lowest_a} to {highest_a} A) do not fit."
    - "At {current_a} A ({capacity_after_kva} kVA after the order[, contracted {contracted_kva} kVA]), meter {meter_id} (up to {max_current_a} A) does not fit."
  zh:
    - "计算电流 {current_a} A（报装后容量 {capacity_after_kva} kVA[，合同容量 {contracted_kva} kVA]），电流互感器（{lowest_a} 至 {highest_a} A）不匹配。"
    - "计算电流 {current_a} A（报装后容量 {capacity_after_kva} kVA[，合同容量 {contracted_kva} kVA]），表计 {meter_id}（最大 {max_current_a} A）不匹配。"
*/
WITH asked AS (
  SELECT DISTINCT
    capacity_after_order.account_id,
    capacity_after_order.contracted_kva,
    capacity_after_order.capacity_after_kva
  FROM core.capacity_after_order
),

ct AS (
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
    asked.contracted_kva,
    asked.capacity_after_kva,
    account.metering_kv,
    meter.meter_id,
    meter.phases,
    meter.max_current_a,
    COALESCE(ct.transformers, 0) AS current_transformers,
    ct.lowest_a,
    ct.highest_a,
    ROUND(CASE meter.phases
      WHEN 3 THEN RATIO(asked.capacity_after_kva, SQRT(3) * account.metering_kv)
      WHEN 1 THEN asked.capacity_after_kva / 0.22
    END, 6) AS current_a
  FROM source.metering_point
  INNER JOIN asked ON asked.account_id = metering_point.account_id
  INNER JOIN source.account ON account.account_id = metering_point.account_id
  LEFT JOIN source.meter ON meter.meter_id = metering_point.meter_id
  LEFT JOIN ct ON ct.metering_point_id = metering_point.metering_point_id
  WHERE metering_point.role = 'main'
),

judged AS (
  SELECT
    point.*,
    CASE
      WHEN point.current_transformers > 0
        THEN
          COALESCE(point.lowest_a < ROUND($ct_min * point.current_a, 6), FALSE)
          OR COALESCE(point.highest_a > ROUND($ct_max * point.current_a, 6), FALSE)
      ELSE point.max_current_a < point.current_a
    END AS flagged
  FROM point
)

-- Of several orders of an account one that the point does not fit is enough.
SELECT
  judged.metering_point_id AS subject_id,
  judged.account_id,
  judged.flagged,
  judged.contracted_kva,
  judged.capacity_after_kva,
  judged.metering_kv,
  judged.meter_id,
  judged.phases,
  ROUND(judged.current_a, 3) AS current_a,
  judged.current_transformers,
  judged.lowest_a,
  judged.highest_a,
  judged.max_current_a,
  $ct_min AS ct_min,
  $ct_max AS ct_max
FROM judged
QUALIFY
  ROW_NUMBER()
    OVER (
      PARTITION BY judged.metering_point_id
      ORDER BY CASE WHEN judged.flagged THEN 0 ELSE 1 END, judged.capacity_after_kva DESC NULLS LAST
    )
  = 1
