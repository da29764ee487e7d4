/*
title: 'Multiplier differs from the transformers'' ratio'
zh: 互感器倍率与变比不符
flags_zh: 主表、分表或台区考核点的计费倍率与电流互感器、电压互感器变比之积相差超过 tolerance；同一计量点同类互感器变比不一致的同样列出。
what_to_do:
  en: >-
    Read the nameplates and the wiring on site. Correct the multiplier or the file of the instrument
    transformers, and bill anew since the day it went wrong.
  zh: 现场核对互感器铭牌和接线，更正计费倍率或互感器档案；自差错之日起退补电量电费。
kind: exception
modes: [nightly]
subject: metering_point
severity: high
judges: state
proof: same
site: true
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
  en:
    - "The point is billed with a multiplier of {multiplier}, but its instrument transformers give {true_ratio} (tolerance {tolerance})."
    - "The point is billed with a multiplier of {multiplier}, but its instrument transformers are of different ratios."
  zh:
    - "计费倍率 {multiplier}，互感器变比为 {true_ratio}，允许偏差 {tolerance}。"
    - "计费倍率 {multiplier}，同一计量点的互感器变比不一致。"
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
