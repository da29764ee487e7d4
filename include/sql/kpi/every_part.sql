/*
grain: one row per key figure, month and row behind it
key: [kpi, period, row_id]
purpose: All rows behind all key figures, those on audit cases included, which are known once these have taken the night in.
view: true
columns:
  kpi: {type: string, doc: The key figure.}
  period: {type: date, doc: First day of the month.}
  row_id: {type: string, doc: 'What the row is about: a point, bill, payment, order, call, area, account or case.'}
  org_unit_id: {type: string, doc: 'The unit it counts for; the top unit where it has none that is known.'}
  row_key: {type: string, doc: 'Its account or area, by which the rows of a quarter or year are counted; itself where it has neither.'}
  numerator: {type: double, doc: What it gives to the numerator.}
  denominator: {type: double, doc: 'What it gives to the denominator; empty where it is none of the rows behind that.'}
*/
SELECT
  part.kpi,
  part.period,
  part.row_id,
  part.org_unit_id,
  part.row_key,
  part.numerator,
  part.denominator
FROM kpi.part
UNION ALL
SELECT
  case_part.kpi,
  case_part.period,
  case_part.row_id,
  case_part.org_unit_id,
  case_part.row_key,
  case_part.numerator,
  case_part.denominator
FROM kpi.case_part
