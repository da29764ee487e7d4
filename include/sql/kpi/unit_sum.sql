/*
grain: one row per key figure, month and unit of its rows
key: [kpi, period, org_unit_id]
purpose: Sums of the rows of each unit itself.
columns:
  kpi: {type: string, doc: The key figure.}
  period: {type: date, doc: First day of the month.}
  org_unit_id: {type: string, doc: The unit.}
  numerator: {type: double, doc: Sum of the numerators.}
  denominator: {type: double, doc: Sum of the denominators.}
  parts: {type: integer, doc: Rows behind the denominator.}
*/
SELECT
  every_part.kpi,
  every_part.period,
  every_part.org_unit_id,
  COALESCE(DECIMAL_SUM(every_part.numerator), 0) AS numerator,
  COALESCE(DECIMAL_SUM(every_part.denominator), 0) AS denominator,
  COUNT(every_part.denominator) AS parts
FROM kpi.every_part
GROUP BY every_part.kpi, every_part.period, every_part.org_unit_id
