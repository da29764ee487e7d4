/*
grain: one row per key figure, unit or member of staff, and period
key: [level, id, span, period, kpi]
purpose: The sums of key figures, of every unit with those below, and of each member of staff whom a row names.
columns:
  level: {type: string, doc: org_unit or staff.}
  id: {type: string, doc: Of the unit or member of staff.}
  span: {type: string, doc: 'month, quarter or year.'}
  period: {type: date, doc: Its first day.}
  kpi: {type: string, doc: The key figure.}
  peers: {type: string, doc: 'Whom it is ranked among: level of the unit, post of the member of staff.'}
  is_own: {type: boolean, doc: 'The figure is one of the member''s own post; of units always true.'}
  numerator: {type: double, doc: Sum of the numerators.}
  denominator: {type: double, doc: Sum of the denominators.}
  parts: {type: integer, doc: 'Rows behind the denominator; of a quarter or year different accounts and areas.'}
*/
WITH period AS (
  SELECT DISTINCT
    span.span,
    span.period
  FROM kpi.span
),

unit AS (
  SELECT
    unit_part.kpi,
    unit_part.span,
    unit_part.period,
    unit_part.org_unit_id,
    DECIMAL_SUM(unit_part.numerator) AS numerator,
    DECIMAL_SUM(unit_part.denominator) AS denominator,
    INTEGER_SUM(unit_part.parts) AS parts
  FROM kpi.unit_part
  GROUP BY unit_part.kpi, unit_part.span, unit_part.period, unit_part.org_unit_id
)

SELECT
  'org_unit' AS level,
  org_unit.org_unit_id AS id,
  period.span,
  period.period,
  kpi.kpi,
  org_unit.level AS peers,
  TRUE AS is_own,
  COALESCE(unit.numerator, 0) AS numerator,
  COALESCE(unit.denominator, 0) AS denominator,
  COALESCE(CASE WHEN period.span = 'month' THEN unit.parts ELSE unit_count.parts END, 0) AS parts
FROM source.org_unit
CROSS JOIN core.kpi
CROSS JOIN period
LEFT JOIN unit
  ON unit.org_unit_id = org_unit.org_unit_id
  AND unit.kpi = kpi.kpi
  AND unit.span = period.span
  AND unit.period = period.period
LEFT JOIN kpi.unit_count
  ON unit_count.org_unit_id = org_unit.org_unit_id
  AND unit_count.kpi = kpi.kpi
  AND unit_count.span = period.span
  AND unit_count.period = period.period
WHERE NOT kpi.is_as_of_only OR (period.span = 'month' AND period.period = $period)
UNION ALL
SELECT
  'staff' AS level,
  staff_sum.staff_id AS id,
  staff_sum.span,
  staff_sum.period,
  staff_sum.kpi,
  staff.post AS peers,
  kpi.post = staff.post AS is_own,
  staff_sum.numerator,
  staff_sum.denominator,
  staff_sum.parts
FROM kpi.staff_sum
JOIN core.kpi ON kpi.kpi = staff_sum.kpi
JOIN source.staff ON staff.staff_id = staff_sum.staff_id
