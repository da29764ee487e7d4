/*
grain: one row per level, unit or member of staff, span, period and key figure
key: [level, id, span, period, kpi]
purpose: >-
  Key figures by unit and by member of staff, with score and rank. A quarter or year sums numerators and denominators of its months.
  The composite is the weighted mean of the scores.
columns:
  level: {type: string, doc: org_unit or staff.}
  id: {type: string, doc: Of the unit or member of staff.}
  span: {type: string, doc: 'month, quarter or year.'}
  period: {type: date, doc: Its first day.}
  kpi: {type: string, doc: 'The key figure; composite: the weighted mean of the scores.'}
  numerator: {type: double, doc: 'What is counted; of the composite the sum of weight x score.'}
  denominator: {type: double, doc: 'What it is counted of; of the composite the sum of these weights.'}
  value: {type: double, doc: 'numerator over denominator; empty where the denominator is not above 0.'}
  standard: {type: double, doc: 'Value that scores 100; empty where it is not scored.'}
  score: {type: double, doc: '0 at the floor to 100 at the standard; empty where there is no standard, no value or too few rows.'}
  weight: {type: double, doc: What the score weighs in the composite.}
  covered_weight: {type: double, doc: 'Of the composite: weights of the scores there are, of all that there could be.'}
  rank: {type: integer, doc: 'Dense, best first, among units of one level or staff of one post; empty where there is no value or too few rows.'}
  too_few: {type: boolean, doc: Fewer rows behind the denominator than it takes to tell.}
  parts: {type: integer, doc: 'Rows behind the denominator; of a quarter or year different accounts and areas.'}
  open_cases: {type: integer, doc: 'Audit cases behind the figure that are not settled, of the unit and those below; on the row of the audited month alone.'}
  at_stake_amount: {type: decimal, doc: 'Their money at stake, by size, without effects of another finding.'}
params:
  min_count: {type: integer, default: 5, minimum: 0, doc: Rows behind a denominator below which a figure is not scored.}
*/
WITH valued AS (
  SELECT
    measured.level,
    measured.id,
    measured.span,
    measured.period,
    measured.kpi,
    measured.peers,
    measured.is_own,
    measured.numerator,
    measured.denominator,
    measured.parts,
    kpi.better,
    kpi.standard,
    kpi.floor,
    kpi.weight,
    kpi.is_as_of_only,
    kpi.has_staff,
    CASE WHEN measured.denominator > 0 THEN RATIO(measured.numerator, measured.denominator) END AS value,
    CASE
      WHEN kpi.min_rows IS NOT NULL THEN measured.parts < kpi.min_rows
      ELSE
        measured.parts < $min_count
        -- 10 rows are enough for a tenth, however that lies as a double.
        OR COALESCE(
          kpi.is_share AND ROUND(measured.parts * ABS(kpi.standard - kpi.floor), 9) < 1, FALSE
        )
    END AS too_few
  FROM kpi.measured
  JOIN core.kpi ON kpi.kpi = measured.kpi
),

scored AS (
  SELECT
    valued.*,
    CASE
      WHEN NOT valued.too_few AND valued.value IS NOT NULL AND valued.standard <> valued.floor
        THEN
          LEAST(
            GREATEST(
              RATIO(100 * (valued.value - valued.floor), valued.standard - valued.floor), CAST(0 AS DOUBLE)
            ),
            CAST(100 AS DOUBLE)
          )
    END AS score,
    valued.is_own AND NOT valued.too_few AND valued.value IS NOT NULL AS is_ranked,
    valued.is_own AND NOT valued.is_as_of_only AND valued.standard IS NOT NULL AS is_weighed
  FROM valued
),

whole AS (
  SELECT
    'org_unit' AS level,
    CAST(NULL AS VARCHAR) AS post,
    DECIMAL_SUM(kpi.weight) AS weight
  FROM core.kpi
  WHERE kpi.standard IS NOT NULL AND NOT kpi.is_as_of_only
  UNION ALL
  SELECT
    'staff' AS level,
    kpi.post,
    DECIMAL_SUM(kpi.weight) AS weight
  FROM core.kpi
  WHERE kpi.standard IS NOT NULL AND NOT kpi.is_as_of_only AND kpi.has_staff
  GROUP BY kpi.post
),

composite AS (
  SELECT
    scored.level,
    scored.id,
    scored.span,
    scored.period,
    scored.peers,
    COALESCE(DECIMAL_SUM(scored.weight * scored.score), 0) AS numerator,
    COALESCE(DECIMAL_SUM(scored.weight) FILTER (WHERE scored.score IS NOT NULL), 0) AS denominator,
    COUNT(scored.score) AS parts
  FROM scored
  WHERE scored.is_weighed
  GROUP BY scored.level, scored.id, scored.span, scored.period, scored.peers
),

told AS (
  SELECT
    scored.level,
    scored.id,
    scored.span,
    scored.period,
    scored.kpi,
    scored.peers,
    scored.numerator,
    scored.denominator,
    scored.value,
    scored.standard,
    scored.score,
    scored.weight,
    CAST(NULL AS DOUBLE) AS covered_weight,
    scored.is_ranked,
    CASE WHEN scored.better = 'high' THEN -scored.value ELSE scored.value END AS place,
    scored.too_few,
    scored.parts
  FROM scored
  UNION ALL
  SELECT
    composite.level,
    composite.id,
    composite.span,
    composite.period,
    'composite' AS kpi,
    composite.peers,
    composite.numerator,
    composite.denominator,
    CASE WHEN composite.denominator > 0 THEN RATIO(composite.numerator, composite.denominator) END AS value,
    CAST(NULL AS DOUBLE) AS standard,
    CAST(NULL AS DOUBLE) AS score,
    CAST(NULL AS DOUBLE) AS weight,
    RATIO(composite.denominator, whole.weight) AS covered_weight,
    composite.denominator > 0 AS is_ranked,
    CASE WHEN composite.denominator > 0 THEN -RATIO(composite.numerator, composite.denominator) END AS place,
    FALSE AS too_few,
    composite.parts
  FROM composite
  LEFT JOIN whole
    ON whole.level = composite.level AND (whole.post IS NULL OR whole.post = composite.peers)
)

SELECT
  told.level,
  told.id,
  told.span,
  told.period,
  told.kpi,
  told.numerator,
  told.denominator,
  told.value,
  told.standard,
  told.score,
  told.weight,
  told.covered_weight,
  CASE
    WHEN told.is_ranked
      THEN
        DENSE_RANK() OVER (
          PARTITION BY told.level, told.peers, told.span, told.period, told.kpi, told.is_ranked
          ORDER BY told.place NULLS LAST
        )
  END AS rank,
  told.too_few,
  told.parts,
  CASE
    WHEN
      told.level = 'org_unit'
      AND told.kpi <> 'composite'
      AND told.span = 'month'
      AND told.period = $period
      THEN COALESCE(behind.open_cases, 0)
  END AS open_cases,
  CASE
    WHEN
      told.level = 'org_unit'
      AND told.kpi <> 'composite'
      AND told.span = 'month'
      AND told.period = $period
      THEN MONEY(COALESCE(behind.at_stake_amount, 0))
  END AS at_stake_amount
FROM told
LEFT JOIN kpi.behind
  ON told.level = 'org_unit' AND behind.org_unit_id = told.id AND behind.kpi = told.kpi
