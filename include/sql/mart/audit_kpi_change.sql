/*
grain: one row per unit, span, period, key figure and part of the unit (a unit right below, or itself)
key: [level, id, span, period, kpi, child_id]
purpose: >-
  What moved a key figure: what each unit right below, and the unit itself, gave to the change of its value since the period before. The
  contributions sum to the change.
columns:
  level: {type: string, doc: org_unit.}
  id: {type: string, doc: The unit.}
  span: {type: string, doc: 'month, quarter or year.'}
  period: {type: date, doc: 'Its first day; the period before is among those published, too.'}
  kpi: {type: string, doc: The key figure.}
  child_id: {type: string, doc: 'The unit right below; self for rows of the unit itself.'}
  contribution: {type: double, doc: 'What it gave to the change of the value; empty where one of the two values is.'}
*/
WITH family AS (
  SELECT
    org_unit.org_unit_id,
    'self' AS child_id
  FROM source.org_unit
  UNION ALL
  SELECT
    org_unit.org_unit_id,
    below.org_unit_id AS child_id
  FROM source.org_unit
  JOIN source.org_unit AS below
    ON below.parent_id = org_unit.org_unit_id AND below.org_unit_id <> org_unit.org_unit_id
),

period AS (
  SELECT DISTINCT
    span.span,
    span.period
  FROM kpi.span
),

turn AS (
  SELECT
    period.span,
    period.period,
    earlier.period AS earlier_period
  FROM period
  JOIN period AS earlier
    ON earlier.span = period.span
    AND earlier.period
    = ADD_MONTHS(
      period.period,
      CAST(CASE period.span WHEN 'month' THEN -1 WHEN 'quarter' THEN -3 ELSE -12 END AS INT)
    )
),

total AS (
  SELECT
    measured.kpi,
    measured.span,
    measured.period,
    measured.id,
    measured.numerator,
    measured.denominator,
    CASE WHEN measured.denominator > 0 THEN RATIO(measured.numerator, measured.denominator) END AS value
  FROM kpi.measured
  WHERE measured.level = 'org_unit'
),

moved AS (
  SELECT
    total.kpi,
    total.span,
    total.period,
    turn.earlier_period,
    total.id,
    total.denominator,
    before.denominator AS denominator_before,
    (total.value + before.value) / 2 AS mean_value
  FROM total
  JOIN core.kpi ON kpi.kpi = total.kpi
  JOIN turn ON turn.span = total.span AND turn.period = total.period
  JOIN total AS before
    ON before.kpi = total.kpi
    AND before.span = total.span
    AND before.period = turn.earlier_period
    AND before.id = total.id
  WHERE NOT kpi.is_as_of_only
)

SELECT
  'org_unit' AS level,
  moved.id,
  moved.span,
  moved.period,
  moved.kpi,
  family.child_id,
  -- Without a mean of two values there is no change to be told.
  RATIO(
    COALESCE(now_part.numerator, 0) - moved.mean_value * COALESCE(now_part.denominator, 0), moved.denominator
  )
  - RATIO(
    COALESCE(before_part.numerator, 0) - moved.mean_value * COALESCE(before_part.denominator, 0),
    moved.denominator_before
  ) AS contribution
FROM moved
JOIN family ON family.org_unit_id = moved.id
LEFT JOIN kpi.unit_part AS now_part
  ON now_part.kpi = moved.kpi
  AND now_part.span = moved.span
  AND now_part.period = moved.period
  AND now_part.org_unit_id = moved.id
  AND now_part.child_id = family.child_id
LEFT JOIN kpi.unit_part AS before_part
  ON before_part.kpi = moved.kpi
  AND before_part.span = moved.span
  AND before_part.period = moved.earlier_period
  AND before_part.org_unit_id = moved.id
  AND before_part.child_id = family.child_id
