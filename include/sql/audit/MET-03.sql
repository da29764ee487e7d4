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
  SELECT
    instrument_transformer.metering_point_id,
    instrument_transformer.kind,
    CASE
      WHEN instrument_transformer.primary_value > 0 AND instrument_transformer.secondary_value > 0
        THEN RATIO(instrument_transformer.primary_value, instrument_transformer.secondary_value)
    END AS ratio
  FROM source.instrument_transformer
),

ratio AS (
  SELECT
    single.metering_point_id,
    MIN(single.ratio) FILTER (WHERE single.kind = 'ct') AS ct_ratio,
    MIN(single.ratio) FILTER (WHERE single.kind = 'vt') AS vt_ratio,
    COALESCE(
      ROUND(
        MAX(single.ratio) FILTER (WHERE single.kind = 'ct')
        - MIN(single.ratio) FILTER (WHERE single.kind = 'ct'),
        9
      )
      > $tolerance,
      FALSE
    )
    OR COALESCE(
      ROUND(
        MAX(single.ratio) FILTER (WHERE single.kind = 'vt')
        - MIN(single.ratio) FILTER (WHERE single.kind = 'vt'),
        9
      )
      > $tolerance,
      FALSE
    )
      AS is_mixed,
    (
      COUNT(*) FILTER (WHERE single.kind = 'ct') = 0
      OR COUNT(single.ratio) FILTER (WHERE single.kind = 'ct') > 0
    )
    AND (
      COUNT(*) FILTER (WHERE single.kind = 'vt') = 0
      OR COUNT(single.ratio) FILTER (WHERE single.kind = 'vt') > 0
    ) AS is_known
  FROM single
  GROUP BY single.metering_point_id
),

point AS (
  SELECT
    metering_point.metering_point_id,
    metering_point.account_id,
    metering_point.multiplier,
    ratio.ct_ratio,
    ratio.vt_ratio,
    COALESCE(ratio.is_mixed, FALSE) AS is_mixed,
    CASE
      WHEN COALESCE(ratio.is_known, TRUE) THEN COALESCE(ratio.ct_ratio, 1) * COALESCE(ratio.vt_ratio, 1)
    END AS true_ratio
  FROM source.metering_point
  LEFT JOIN ratio ON ratio.metering_point_id = metering_point.metering_point_id
  WHERE metering_point.role IN ('main', 'sub', 'area')
),

area AS (
  SELECT
    transformer.area_metering_point_id,
    MIN(transformer.org_unit_id) AS org_unit_id
  FROM source.transformer
  GROUP BY transformer.area_metering_point_id
)

SELECT
  point.metering_point_id AS subject_id,
  point.account_id,
  area.org_unit_id,
  point.is_mixed OR ROUND(ABS(point.multiplier - point.true_ratio), 9) > $tolerance AS flagged,
  CASE
    WHEN
      NOT point.is_mixed
      THEN CAST(bill_net.energy_amount AS DOUBLE) * (RATIO(point.true_ratio, point.multiplier) - 1)
  END AS at_stake_amount,
  point.multiplier,
  CASE WHEN NOT point.is_mixed THEN point.true_ratio END AS true_ratio,
  point.ct_ratio,
  point.vt_ratio,
  point.is_mixed AS ratios_differ,
  $tolerance AS tolerance
FROM point
LEFT JOIN area ON area.area_metering_point_id = point.metering_point_id
LEFT JOIN facts.bill_net ON bill_net.account_id = point.account_id AND bill_net.period = $period
