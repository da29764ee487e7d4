/*
title: 'Multiplier differs from the transformers'' ratio'
zh: 互感器倍率与变比不符
kind: exception
modes: [nightly]
subject: metering_point
severity: high
flags: >-
  a main, sub or area point whose multiplier differs by more than tolerance (absolute) from ct ratio x vt
  ratio (primary/secondary of those with both values above 0; 1 where the point has none of that kind, not known and so
  not flagged where it has some but none with both values); several of one kind at a point count once where their ratios
  agree within tolerance, and flag where they do not.
at_stake: >-
  net energy charge of P x (true ratio / multiplier - 1)
params:
  tolerance: {type: number, default: 0.001, minimum: 0, doc: 'Largest difference that counts as equal.'}
messages:
  en: >-
    Billed with multiplier {multiplier}, but the instrument transformers give {true_ratio}.
  zh: >-
    计费倍率 {multiplier} 与互感器变比 {true_ratio} 不符。
*/
WITH single AS (
  SELECT t.metering_point_id,
         t.kind,
         CASE WHEN t.primary_value > 0 AND t.secondary_value > 0
              THEN RATIO(t.primary_value, t.secondary_value) END AS ratio
  FROM source.instrument_transformer AS t
),
ratio AS (
  SELECT s.metering_point_id,
         MIN(s.ratio) FILTER (WHERE s.kind = 'ct') AS ct_ratio,
         MIN(s.ratio) FILTER (WHERE s.kind = 'vt') AS vt_ratio,
         COALESCE(ROUND(MAX(s.ratio) FILTER (WHERE s.kind = 'ct') - MIN(s.ratio) FILTER (WHERE s.kind = 'ct'), 9) > $tolerance, FALSE)
           OR COALESCE(ROUND(MAX(s.ratio) FILTER (WHERE s.kind = 'vt') - MIN(s.ratio) FILTER (WHERE s.kind = 'vt'), 9) > $tolerance, FALSE)
           AS is_mixed,
         (COUNT(*) FILTER (WHERE s.kind = 'ct') = 0 OR COUNT(s.ratio) FILTER (WHERE s.kind = 'ct') > 0)
           AND (COUNT(*) FILTER (WHERE s.kind = 'vt') = 0 OR COUNT(s.ratio) FILTER (WHERE s.kind = 'vt') > 0) AS is_known
  FROM single AS s
  GROUP BY s.metering_point_id
),
point AS (
  SELECT p.metering_point_id,
         p.account_id,
         p.multiplier,
         r.ct_ratio,
         r.vt_ratio,
         COALESCE(r.is_mixed, FALSE) AS is_mixed,
         CASE WHEN COALESCE(r.is_known, TRUE) THEN COALESCE(r.ct_ratio, 1) * COALESCE(r.vt_ratio, 1) END AS true_ratio
  FROM source.metering_point AS p
  LEFT JOIN ratio AS r ON r.metering_point_id = p.metering_point_id
  WHERE p.role IN ('main', 'sub', 'area')
),
area AS (
  SELECT t.area_metering_point_id, MIN(t.org_unit_id) AS org_unit_id
  FROM source.transformer AS t
  GROUP BY t.area_metering_point_id
)
SELECT p.metering_point_id AS subject_id,
       p.account_id,
       t.org_unit_id,
       p.is_mixed OR ROUND(ABS(p.multiplier - p.true_ratio), 9) > $tolerance AS flagged,
       CASE
         WHEN NOT p.is_mixed THEN CAST(b.energy_amount AS DOUBLE) * (RATIO(p.true_ratio, p.multiplier) - 1)
       END AS at_stake_amount,
       p.multiplier,
       CASE WHEN NOT p.is_mixed THEN p.true_ratio END AS true_ratio,
       p.ct_ratio,
       p.vt_ratio,
       p.is_mixed AS ratios_differ,
       $tolerance AS tolerance
FROM point AS p
LEFT JOIN area AS t ON t.area_metering_point_id = p.metering_point_id
LEFT JOIN facts.bill_net AS b ON b.account_id = p.account_id AND b.period = $period
