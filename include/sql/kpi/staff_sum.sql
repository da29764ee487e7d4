/*
grain: one row per key figure, period and member of staff whom a row of it names
key: [kpi, span, period, staff_id]
purpose: Sums of the rows of each member of staff.
columns:
  kpi: {type: string, doc: The key figure.}
  span: {type: string, doc: 'month, quarter or year.'}
  period: {type: date, doc: Its first day.}
  staff_id: {type: string, doc: The member of staff.}
  numerator: {type: double, doc: Sum of the numerators.}
  denominator: {type: double, doc: Sum of the denominators.}
  parts: {type: integer, doc: 'Rows behind the denominator; of a quarter or year different accounts and areas.'}
*/
SELECT
  part.kpi,
  span.span,
  span.period,
  part.staff_id,
  COALESCE(DECIMAL_SUM(part.numerator), 0) AS numerator,
  COALESCE(DECIMAL_SUM(part.denominator), 0) AS denominator,
  CASE
    WHEN span.span = 'month' THEN COUNT(part.denominator)
    ELSE COUNT(DISTINCT part.row_key) FILTER (WHERE part.denominator IS NOT NULL)
  END AS parts
FROM kpi.part
JOIN kpi.span ON span.month = part.period
JOIN source.staff ON staff.staff_id = part.staff_id
GROUP BY part.kpi, span.span, span.period, part.staff_id
