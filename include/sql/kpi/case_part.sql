/*
grain: one row per key figure on audit cases, month and row behind it
key: [kpi, period, row_id]
purpose: All rows behind the key figures on audit cases.
columns:
  kpi: {type: string, doc: The key figure.}
  period: {type: date, doc: First day of the month.}
  row_id: {type: string, doc: 'What the row is about: a point, bill, payment, order, call, area, account or case.'}
  org_unit_id: {type: string, doc: 'The unit it counts for; the top unit where it has none that is known.'}
  staff_id: {type: string, doc: Member of staff it counts for; empty where it names none.}
  row_key: {type: string, doc: 'Its account or area, by which the rows of a quarter or year are counted; itself where it has neither.'}
  numerator: {type: double, doc: What it gives to the numerator.}
  denominator: {type: double, doc: 'What it gives to the denominator; empty where it is none of the rows behind that.'}
*/
WITH behind AS (
  SELECT
    'case_on_time' AS kpi,
    case_on_time.period,
    case_on_time.row_id,
    case_on_time.org_unit_id,
    case_on_time.staff_id,
    case_on_time.row_key,
    CAST(case_on_time.numerator AS DOUBLE) AS numerator,
    CAST(case_on_time.denominator AS DOUBLE) AS denominator
  FROM kpi.case_on_time
  UNION ALL
  SELECT
    'confirmed_rate' AS kpi,
    confirmed_rate.period,
    confirmed_rate.row_id,
    confirmed_rate.org_unit_id,
    confirmed_rate.staff_id,
    confirmed_rate.row_key,
    CAST(confirmed_rate.numerator AS DOUBLE) AS numerator,
    CAST(confirmed_rate.denominator AS DOUBLE) AS denominator
  FROM kpi.confirmed_rate
  UNION ALL
  SELECT
    'recurrence_rate' AS kpi,
    recurrence_rate.period,
    recurrence_rate.row_id,
    recurrence_rate.org_unit_id,
    recurrence_rate.staff_id,
    recurrence_rate.row_key,
    CAST(recurrence_rate.numerator AS DOUBLE) AS numerator,
    CAST(recurrence_rate.denominator AS DOUBLE) AS denominator
  FROM kpi.recurrence_rate
)

SELECT
  behind.kpi,
  behind.period,
  behind.row_id,
  COALESCE(org_unit.org_unit_id, top_unit.org_unit_id) AS org_unit_id,
  behind.staff_id,
  behind.row_key,
  behind.numerator,
  behind.denominator
FROM behind
CROSS JOIN core.top_unit
LEFT JOIN source.org_unit ON org_unit.org_unit_id = behind.org_unit_id
