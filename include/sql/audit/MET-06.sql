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
  SELECT t.metering_point_id,
         MIN(t.primary_value) AS lowest_primary_a,
         MAX(t.primary_value) AS highest_primary_a
  FROM source.instrument_transformer AS t
  WHERE t.kind = 'ct'
  GROUP BY t.metering_point_id
),
capacity AS (
  SELECT t.account_id,
         CASE WHEN COUNT(*) = COUNT(t.rated_kva) THEN EXACT_SUM(t.rated_kva) END AS rated_kva
  FROM source.transformer AS t
  WHERE t.ownership = 'dedicated'
    AND (t.retired_on IS NULL OR t.retired_on > $as_of)
  GROUP BY t.account_id
),
point AS (
  SELECT p.metering_point_id,
         p.account_id,
         c.rated_kva,
         SQRT(3) * a.metering_kv * ct.lowest_primary_a AS lowest_kva,
         SQRT(3) * a.metering_kv * ct.highest_primary_a AS highest_kva,
         a.metering_kv,
         ct.lowest_primary_a,
         ct.highest_primary_a
  FROM source.metering_point AS p
  JOIN ct ON ct.metering_point_id = p.metering_point_id
  JOIN source.account AS a ON a.account_id = p.account_id
  JOIN capacity AS c ON c.account_id = p.account_id
  WHERE p.role = 'main'
)
SELECT p.metering_point_id AS subject_id,
       p.account_id,
       ROUND(p.lowest_kva - $min_scale * p.rated_kva, 6) < 0
         OR ROUND(p.highest_kva - $max_scale * p.rated_kva, 6) > 0 AS flagged,
       p.metering_kv,
       p.lowest_primary_a,
       p.highest_primary_a,
       ROUND(p.highest_kva, 3) AS measurable_kva,
       p.rated_kva,
       $min_scale * p.rated_kva AS min_kva,
       $max_scale * p.rated_kva AS max_kva
FROM point AS p
