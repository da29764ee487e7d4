/*
grain: one row per key figure, quarter or year and unit or unit above with a row behind the denominator
key: [kpi, span, period, org_unit_id]
purpose: Different accounts and areas behind a quarter or a year.
columns:
  kpi: {type: string, doc: The key figure.}
  span: {type: string, doc: quarter or year.}
  period: {type: date, doc: Its first day.}
  org_unit_id: {type: string, doc: The unit.}
  parts: {type: integer, doc: Different accounts and areas of it and the units below.}
*/
WITH keyed AS (
  SELECT DISTINCT
    every_part.kpi,
    span.span,
    span.period,
    every_part.org_unit_id,
    every_part.row_key
  FROM kpi.every_part
  JOIN kpi.span ON span.month = every_part.period
  WHERE every_part.denominator IS NOT NULL AND span.span <> 'month'
),

-- Nearly every account is of one unit; only those of several may count twice for a unit above.
spread AS (
  SELECT
    keyed.kpi,
    keyed.span,
    keyed.period,
    keyed.org_unit_id,
    keyed.row_key,
    COUNT(*) OVER (PARTITION BY keyed.kpi, keyed.span, keyed.period, keyed.row_key) AS units
  FROM keyed
),

own AS (
  SELECT
    spread.kpi,
    spread.span,
    spread.period,
    spread.org_unit_id,
    COUNT(*) AS parts
  FROM spread
  WHERE spread.units = 1
  GROUP BY spread.kpi, spread.span, spread.period, spread.org_unit_id
),

counted AS (
  SELECT
    own.kpi,
    own.span,
    own.period,
    unit_above.above_id,
    own.parts
  FROM own
  JOIN core.unit_above ON unit_above.org_unit_id = own.org_unit_id
  UNION ALL
  SELECT
    spread.kpi,
    spread.span,
    spread.period,
    unit_above.above_id,
    COUNT(DISTINCT spread.row_key) AS parts
  FROM spread
  JOIN core.unit_above ON unit_above.org_unit_id = spread.org_unit_id
  WHERE spread.units > 1
  GROUP BY spread.kpi, spread.span, spread.period, unit_above.above_id
)

SELECT
  counted.kpi,
  counted.span,
  counted.period,
  counted.above_id AS org_unit_id,
  INTEGER_SUM(counted.parts) AS parts
FROM counted
GROUP BY counted.kpi, counted.span, counted.period, counted.above_id
