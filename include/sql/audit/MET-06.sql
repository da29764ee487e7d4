/*
title: Multiplier does not fit the transformer
zh: 倍率与变压器容量不匹配
kind: exception
modes: [nightly]
subject: metering_point
severity: medium
flags: >-
  for a main point with a ct, of an account with dedicated transformers not retired: sqrt(3) x metering_kv x
  ct primary is below min_scale or above max_scale times their summed rated_kva.
params:
  min_scale: {type: number, default: 0.9, minimum: 0, doc: 'Lowest measurable capacity, in rated capacities.'}
  max_scale: {type: number, default: 3.0, minimum: 0, doc: 'Highest measurable capacity, in rated capacities.'}
messages:
  en: >-
    The current transformers measure up to {measurable_kva} kVA, the transformers are rated {rated_kva} kVA.
  zh: >-
    电流互感器可计量 {measurable_kva} kVA，变压器容量为 {rated_kva} kVA。
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
