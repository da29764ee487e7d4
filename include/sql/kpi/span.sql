/*
grain: one row per month, quarter and year that key figures are published for and month of it up to P
key: [span, period, month]
purpose: >-
  The periods of key figures: P and the eleven months before, and each quarter and year all of whose months up to P are among these.
view: true
columns:
  span: {type: string, doc: 'month, quarter or year.'}
  period: {type: date, doc: Its first day.}
  month: {type: date, doc: A month of it.}
*/
SELECT
  'month' AS span,
  audited_month.period,
  audited_month.period AS month
FROM core.audited_month
UNION ALL
SELECT
  'quarter' AS span,
  CAST(DATE_TRUNC('quarter', audited_month.period) AS DATE) AS period,
  audited_month.period AS month
FROM core.audited_month
WHERE CAST(DATE_TRUNC('quarter', audited_month.period) AS DATE) >= ADD_MONTHS($period, -11)
UNION ALL
SELECT
  'year' AS span,
  CAST(DATE_TRUNC('year', audited_month.period) AS DATE) AS period,
  audited_month.period AS month
FROM core.audited_month
WHERE CAST(DATE_TRUNC('year', audited_month.period) AS DATE) >= ADD_MONTHS($period, -11)
