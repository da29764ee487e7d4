/*
grain: one row per key figure, period, unit and part of it (itself, or a unit right below) with a row
key: [kpi, span, period, org_unit_id, child_id]
purpose: 'What each unit right below, and the unit itself, gives to the numerator and denominator of a unit.'
columns:
  kpi: {type: string, doc: The key figure.}
  span: {type: string, doc: 'month, quarter or year.'}
  period: {type: date, doc: Its first day.}
  org_unit_id: {type: string, doc: The unit.}
  child_id: {type: string, doc: 'The unit right below; self for rows of the unit itself.'}
  numerator: {type: double, doc: What it gives to the numerator.}
  denominator: {type: double, doc: What it gives to the denominator.}
  parts: {type: integer, doc: Rows behind the denominator.}
*/
SELECT
  unit_sum.kpi,
  span.span,
  span.period,
  unit_above.above_id AS org_unit_id,
  unit_above.child_id,
  DECIMAL_SUM(unit_sum.numerator) AS numerator,
  DECIMAL_SUM(unit_sum.denominator) AS denominator,
  INTEGER_SUM(unit_sum.parts) AS parts
FROM kpi.unit_sum
JOIN kpi.span ON span.month = unit_sum.period
JOIN core.unit_above ON unit_above.org_unit_id = unit_sum.org_unit_id
GROUP BY unit_sum.kpi, span.span, span.period, unit_above.above_id, unit_above.child_id
