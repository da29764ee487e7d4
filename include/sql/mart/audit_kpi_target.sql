/*
grain: one row per unit, span, period and key figure that has a target
key: [level, id, span, period, kpi]
purpose: >-
  Targets of key figures by unit, with what is reached so far and what the period is forecast to come to. A target for every unit holds for
  those without one of their own.
columns:
  level: {type: string, doc: org_unit.}
  id: {type: string, doc: The unit.}
  span: {type: string, doc: 'month, quarter or year.'}
  period: {type: date, doc: Its first day.}
  kpi: {type: string, doc: 'The key figure, or composite.'}
  target: {type: double, doc: 'The value that is wanted, in the figure''s own unit; a share as 0.95.'}
  numerator: {type: double, doc: What is counted in the months of the period up to the audited one; empty where they are not published.}
  denominator: {type: double, doc: What it is counted of.}
  value: {type: double, doc: 'numerator over denominator, as in mart.audit_kpi.'}
  too_few: {type: boolean, doc: 'Fewer rows behind the denominator than it takes to tell; empty where no value is published.'}
  is_over: {type: boolean, doc: 'The period ends with the audited month or before: what is reached stays so, but for corrections.'}
  reached: {type: boolean, doc: 'The value is the target or better; empty where there is no value or too few rows.'}
  distance: {type: double, doc: 'By how much the value is better than the target, in the figure''s own unit; below 0: what is missing. Empty as reached is.'}
  forecast: {type: double, doc: 'What the period comes to by the end of forecast_until: its months so far and those forecast. Empty where it is over, begins later, or too few months are known; of the composite for months alone.'}
  forecast_until: {type: date, doc: First day of the last month that the forecast holds.}
  forecast_reached: {type: boolean, doc: The forecast is the target or better.}
*/
WITH own AS (
  SELECT
    org_unit.org_unit_id,
    kpi_target.kpi,
    kpi_target.span,
    kpi_target.period,
    kpi_target.target
  FROM core.kpi_target
  JOIN source.org_unit ON org_unit.org_unit_id = kpi_target.org_unit_id
),

every AS (
  SELECT
    org_unit.org_unit_id,
    kpi_target.kpi,
    kpi_target.span,
    kpi_target.period,
    kpi_target.target
  FROM core.kpi_target
  CROSS JOIN source.org_unit
  WHERE kpi_target.org_unit_id = '*'
),

wanted AS (
  SELECT
    own.org_unit_id,
    own.kpi,
    own.span,
    own.period,
    own.target
  FROM own
  UNION ALL
  SELECT
    every.org_unit_id,
    every.kpi,
    every.span,
    every.period,
    every.target
  FROM every
  LEFT JOIN own
    ON own.org_unit_id = every.org_unit_id
    AND own.kpi = every.kpi
    AND own.span = every.span
    AND own.period = every.period
  WHERE own.kpi IS NULL
),

spanned AS (
  SELECT
    wanted.*,
    ADD_MONTHS(
      wanted.period, CAST(CASE wanted.span WHEN 'month' THEN 0 WHEN 'quarter' THEN 2 ELSE 11 END AS INT)
    ) AS last_month,
    kpi.better = 'low' AS is_less_better
  FROM wanted
  LEFT JOIN core.kpi ON kpi.kpi = wanted.kpi
),

ahead AS (
  SELECT
    spanned.org_unit_id,
    spanned.kpi,
    spanned.span,
    spanned.period,
    MAX(audit_kpi_forecast.value) AS value,
    DECIMAL_SUM(audit_kpi_forecast.value * audit_kpi_forecast.denominator) AS numerator,
    DECIMAL_SUM(audit_kpi_forecast.denominator) AS denominator,
    MAX(audit_kpi_forecast.period) AS until
  FROM spanned
  JOIN mart.audit_kpi_forecast
    ON audit_kpi_forecast.level = 'org_unit'
    AND audit_kpi_forecast.id = spanned.org_unit_id
    AND audit_kpi_forecast.kpi = spanned.kpi
    AND audit_kpi_forecast.period BETWEEN spanned.period AND spanned.last_month
  WHERE audit_kpi_forecast.value IS NOT NULL
  GROUP BY spanned.org_unit_id, spanned.kpi, spanned.span, spanned.period
),

told AS (
  SELECT
    spanned.org_unit_id,
    spanned.span,
    spanned.period,
    spanned.kpi,
    spanned.target,
    spanned.last_month,
    spanned.is_less_better,
    audit_kpi.numerator,
    audit_kpi.denominator,
    audit_kpi.value,
    audit_kpi.too_few,
    CASE
      WHEN spanned.span = 'month' THEN ahead.value
      -- A composite is no sum over its months.
      WHEN spanned.kpi <> 'composite'
        THEN
          RATIO(
            COALESCE(audit_kpi.numerator, 0) + ahead.numerator,
            COALESCE(audit_kpi.denominator, 0) + ahead.denominator
          )
    END AS forecast,
    ahead.until
  FROM spanned
  LEFT JOIN mart.audit_kpi
    ON audit_kpi.level = 'org_unit'
    AND audit_kpi.id = spanned.org_unit_id
    AND audit_kpi.span = spanned.span
    AND audit_kpi.period = spanned.period
    AND audit_kpi.kpi = spanned.kpi
  LEFT JOIN ahead
    ON ahead.org_unit_id = spanned.org_unit_id
    AND ahead.kpi = spanned.kpi
    AND ahead.span = spanned.span
    AND ahead.period = spanned.period
),

held AS (
  SELECT
    told.*,
    -- Nine places: a tenth is a tenth, however it was computed.
    CASE
      WHEN told.value IS NOT NULL AND NOT told.too_few
        THEN
          ROUND(
            CASE
              WHEN COALESCE(told.is_less_better, FALSE) THEN told.target - told.value ELSE
                told.value - told.target
            END,
            9
          )
    END AS distance,
    ROUND(
      CASE
        WHEN COALESCE(told.is_less_better, FALSE)
          THEN told.target - told.forecast
        ELSE told.forecast - told.target
      END,
      9
    ) AS forecast_distance
  FROM told
)

SELECT
  'org_unit' AS level,
  held.org_unit_id AS id,
  held.span,
  held.period,
  held.kpi,
  held.target,
  held.numerator,
  held.denominator,
  held.value,
  held.too_few,
  held.last_month <= $period AS is_over,
  held.distance >= 0 AS reached,
  held.distance,
  held.forecast,
  CASE WHEN held.forecast IS NOT NULL THEN held.until END AS forecast_until,
  held.forecast_distance >= 0 AS forecast_reached
FROM held
