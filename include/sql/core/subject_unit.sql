/*
grain: one row per thing that a finding may be about and that is not an account's alone
key: [subject_type, subject_id]
purpose: The unit of what has no account, or none by itself; an account's own unit comes first, the top unit last.
view: true
columns:
  subject_type: {type: string, doc: 'service_call, customer, meter, metering_point, transformer, line, reading_area, staff or org_unit.'}
  subject_id: {type: string, doc: Its key.}
  org_unit_id: {type: string, doc: 'The unit: of a customer that of the live account with the most contracted capacity; of a meter or metering point without account that of the area or line it measures.'}
*/
WITH point_unit AS (
  SELECT
    metering_point.metering_point_id,
    COALESCE(account.org_unit_id, transformer.org_unit_id, line.org_unit_id) AS org_unit_id
  FROM source.metering_point
  LEFT JOIN source.account ON account.account_id = metering_point.account_id
  LEFT JOIN (
    SELECT
      transformer.area_metering_point_id,
      MIN(transformer.org_unit_id) AS org_unit_id
    FROM source.transformer
    WHERE transformer.area_metering_point_id IS NOT NULL
    GROUP BY transformer.area_metering_point_id
  ) AS transformer ON transformer.area_metering_point_id = metering_point.metering_point_id
  LEFT JOIN (
    SELECT
      line.head_metering_point_id,
      MIN(line.org_unit_id) AS org_unit_id
    FROM source.line
    WHERE line.head_metering_point_id IS NOT NULL
    GROUP BY line.head_metering_point_id
  ) AS line ON line.head_metering_point_id = metering_point.metering_point_id
)

SELECT
  'service_call' AS subject_type,
  service_call.call_id AS subject_id,
  service_call.org_unit_id
FROM source.service_call
WHERE service_call.org_unit_id IS NOT NULL
UNION ALL
SELECT
  'customer' AS subject_type,
  live_account.customer_id AS subject_id,
  live_account.org_unit_id
FROM core.live_account
QUALIFY
  ROW_NUMBER()
    OVER (
      PARTITION BY live_account.customer_id
      ORDER BY live_account.contracted_kva DESC NULLS LAST, live_account.account_id
    )
  = 1
UNION ALL
SELECT
  'metering_point' AS subject_type,
  point_unit.metering_point_id AS subject_id,
  point_unit.org_unit_id
FROM point_unit
WHERE point_unit.org_unit_id IS NOT NULL
UNION ALL
SELECT
  'meter' AS subject_type,
  meter.meter_id AS subject_id,
  point_unit.org_unit_id
FROM source.meter
JOIN point_unit ON point_unit.metering_point_id = meter.metering_point_id
WHERE point_unit.org_unit_id IS NOT NULL
UNION ALL
SELECT
  'transformer' AS subject_type,
  transformer.transformer_id AS subject_id,
  transformer.org_unit_id
FROM source.transformer
UNION ALL
SELECT
  'line' AS subject_type,
  line.line_id AS subject_id,
  line.org_unit_id
FROM source.line
UNION ALL
SELECT
  'reading_area' AS subject_type,
  reading_area.reading_area_id AS subject_id,
  reading_area.org_unit_id
FROM source.reading_area
UNION ALL
SELECT
  'staff' AS subject_type,
  staff.staff_id AS subject_id,
  staff.org_unit_id
FROM source.staff
UNION ALL
SELECT
  'org_unit' AS subject_type,
  org_unit.org_unit_id AS subject_id,
  org_unit.org_unit_id
FROM source.org_unit
