/*
grain: one row per account and feature that it has
key: [account_id, feature]
purpose: What accounts may have in common, such as their meter's model; with it the findings of a rule are held against all accounts.
view: true
columns:
  account_id: {type: string, doc: The account.}
  feature: {type: string, doc: 'org_unit, area (transformer of the primary supply point), meter_model, reader (staff of the reading area), tariff or day (local day on which it was read for P).'}
  value: {type: string, doc: What it is; an id where it has one.}
*/
WITH supplied AS (
  SELECT
    supply_point.account_id,
    supply_point.transformer_id
  FROM source.supply_point
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY supply_point.account_id
        ORDER BY supply_point.is_primary DESC NULLS LAST, supply_point.supply_point_id
      )
    = 1
),

main_point AS (
  SELECT
    metering_point.account_id,
    MIN(metering_point.metering_point_id) AS metering_point_id
  FROM source.metering_point
  WHERE metering_point.role = 'main'
  GROUP BY metering_point.account_id
)

SELECT
  account.account_id,
  'org_unit' AS feature,
  account.org_unit_id AS value
FROM source.account
UNION ALL
SELECT
  account.account_id,
  'tariff' AS feature,
  account.tariff_code AS value
FROM source.account
WHERE account.tariff_code IS NOT NULL
UNION ALL
SELECT
  account.account_id,
  'reader' AS feature,
  reading_area.staff_id AS value
FROM source.account
JOIN source.reading_area ON reading_area.reading_area_id = account.reading_area_id
WHERE reading_area.staff_id IS NOT NULL
UNION ALL
SELECT
  supplied.account_id,
  'area' AS feature,
  supplied.transformer_id AS value
FROM supplied
WHERE supplied.transformer_id IS NOT NULL
UNION ALL
SELECT
  main_point.account_id,
  'meter_model' AS feature,
  meter.model AS value
FROM main_point
JOIN source.metering_point ON metering_point.metering_point_id = main_point.metering_point_id
JOIN source.meter ON meter.meter_id = metering_point.meter_id
WHERE meter.model IS NOT NULL
UNION ALL
SELECT
  main_point.account_id,
  'day' AS feature,
  CAST(CAST(register_reading.read_at AS DATE) AS VARCHAR) AS value
FROM main_point
JOIN source.register_reading ON register_reading.metering_point_id = main_point.metering_point_id
WHERE register_reading.period = $period AND register_reading.register = 'active_total'
