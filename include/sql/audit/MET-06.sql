/*
title: Multiplier does not fit the transformer
zh: 倍率与变压器容量不匹配
flags_zh: 有未退役专用变压器的账户，主计量点电流互感器可计量容量低于变压器总容量的 min_scale 倍或高于 max_scale 倍。
what_to_do:
  en: >-
    Choose current transformers that fit the transformers and change them; correct the file where only it is
    wrong.
  zh: 按变压器容量重新选配并更换电流互感器；仅档案有误的，更正档案。
kind: exception
modes: [nightly]
subject: metering_point
severity: medium
judges: state
proof: same
flags: >-
  for a main point with a ct, of an account with dedicated transformers not retired: sqrt(3) x metering_kv x
  ct primary is below min_scale or above max_scale times their summed rated_kva.
params:
  min_scale: {type: number, default: 0.9, minimum: 0, doc: 'Lowest measurable capacity, in rated capacities.'}
  max_scale: {type: number, default: 3.0, minimum: 0, doc: 'Highest measurable capacity, in rated capacities.'}
messages:
  en: "The current transformers measure up to {measurable_kva} kVA; for transformers of {rated_kva} kVA it must be {min_kva} to {max_kva} kVA."
  zh: "电流互感器可计量 {measurable_kva} kVA，变压器容量 {rated_kva} kVA，应为 {min_kva} 至 {max_kva} kVA。"
*/
WITH ct AS (
  SELECT
    instrument_transformer.metering_point_id,
    MIN(instrument_transformer.primary_value) AS lowest_primary_a,
    MAX(instrument_transformer.primary_value) AS highest_primary_a
  FROM source.instrument_transformer
  WHERE instrument_transformer.kind = 'ct'
  GROUP BY instrument_transformer.metering_point_id
),

capacity AS (
  SELECT
    transformer.account_id,
    CASE WHEN COUNT(*) = COUNT(transformer.rated_kva) THEN EXACT_SUM(transformer.rated_kva) END AS rated_kva
  FROM source.transformer
  WHERE
    transformer.ownership = 'dedicated'
    AND (transformer.retired_on IS NULL OR transformer.retired_on > $as_of)
  GROUP BY transformer.account_id
),

point AS (
  SELECT
    metering_point.metering_point_id,
    metering_point.account_id,
    capacity.rated_kva,
    SQRT(3) * account.metering_kv * ct.lowest_primary_a AS lowest_kva,
    SQRT(3) * account.metering_kv * ct.highest_primary_a AS highest_kva,
    account.metering_kv,
    ct.lowest_primary_a,
    ct.highest_primary_a
  FROM source.metering_point
  JOIN ct ON ct.metering_point_id = metering_point.metering_point_id
  JOIN source.account ON account.account_id = metering_point.account_id
  JOIN capacity ON capacity.account_id = metering_point.account_id
  WHERE metering_point.role = 'main'
)

SELECT
  point.metering_point_id AS subject_id,
  point.account_id,
  ROUND(point.lowest_kva - $min_scale * point.rated_kva, 6) < 0
  OR ROUND(point.highest_kva - $max_scale * point.rated_kva, 6) > 0 AS flagged,
  point.metering_kv,
  point.lowest_primary_a,
  point.highest_primary_a,
  ROUND(point.highest_kva, 3) AS measurable_kva,
  point.rated_kva,
  $min_scale * point.rated_kva AS min_kva,
  $max_scale * point.rated_kva AS max_kva
FROM point
