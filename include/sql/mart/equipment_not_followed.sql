/*
grain: one row per piece of equipment that was changed and whose file does not say so
key: [kind, subject_id]
purpose: 'Equipment changed on site and not followed in the files: meters, multipliers, transformers and capacity.'
columns:
  kind: {type: string, doc: 'meter: the file names one that was taken away or is elsewhere; multiplier: the file has another than the last change; transformer: a supply point still hangs on a retired one; capacity: a dedicated transformer came or went since the account was opened, and their sum is not the contracted capacity.'}
  subject_type: {type: string, doc: 'metering_point, supply_point or account.'}
  subject_id: {type: string, doc: Its key.}
  account_id: {type: string, doc: 'The account, where there is one.'}
  org_unit_id: {type: string, doc: Unit of the account; of an area point that of its transformer.}
  changed_on: {type: date, doc: 'Day of the change, where one is recorded.'}
  filed: {type: string, doc: What the file says.}
  found: {type: string, doc: What was changed to; empty where nothing says so.}
params:
  tolerance_kva: {same_as: ACC-08.tolerance_kva}
*/
WITH last_change AS (
  SELECT
    metering_event.metering_point_id,
    metering_event.occurred_at,
    metering_event.new_value
  FROM source.metering_event
  WHERE metering_event.kind = 'multiplier_changed'
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY metering_event.metering_point_id
        ORDER BY metering_event.occurred_at DESC, metering_event.event_id DESC
      )
    = 1
),

last_swap AS (
  SELECT
    metering_event.metering_point_id,
    MAX(metering_event.occurred_at) AS occurred_at
  FROM source.metering_event
  WHERE metering_event.kind IN ('replace', 'remove', 'install')
  GROUP BY metering_event.metering_point_id
),

at_point AS (
  SELECT
    meter.metering_point_id,
    MIN(meter.meter_id) AS meter_id
  FROM source.meter
  WHERE meter.status IN ('in_use', 'faulty') AND meter.metering_point_id IS NOT NULL
  GROUP BY meter.metering_point_id
),

dedicated AS (
  SELECT
    transformer.account_id,
    MAX(COALESCE(transformer.retired_on, transformer.commissioned_on)) AS changed_on,
    EXACT_SUM(transformer.rated_kva) FILTER (
      WHERE transformer.retired_on IS NULL OR transformer.retired_on > $as_of
    ) AS rated_kva,
    BOOL_AND(
      transformer.rated_kva IS NOT NULL OR COALESCE(transformer.retired_on <= $as_of, FALSE)
    ) AS is_rated
  FROM source.transformer
  WHERE
    transformer.ownership = 'dedicated'
    AND transformer.account_id IS NOT NULL
    AND COALESCE(transformer.commissioned_on <= $as_of, TRUE)
  GROUP BY transformer.account_id
),

changed AS (
  SELECT
    'meter' AS kind,
    'metering_point' AS subject_type,
    metering_point.metering_point_id AS subject_id,
    metering_point.account_id,
    CAST(last_swap.occurred_at AS DATE) AS changed_on,
    metering_point.meter_id AS filed,
    at_point.meter_id AS found
  FROM source.metering_point
  JOIN source.meter ON meter.meter_id = metering_point.meter_id
  LEFT JOIN last_swap ON last_swap.metering_point_id = metering_point.metering_point_id
  LEFT JOIN at_point ON at_point.metering_point_id = metering_point.metering_point_id
  WHERE
    meter.status IN ('removed', 'scrapped', 'stock')
    OR NULLIF(TRIM(meter.metering_point_id), '') <> metering_point.metering_point_id
  UNION ALL
  SELECT
    'multiplier' AS kind,
    'metering_point' AS subject_type,
    metering_point.metering_point_id AS subject_id,
    metering_point.account_id,
    CAST(last_change.occurred_at AS DATE) AS changed_on,
    CAST(CAST(metering_point.multiplier AS DECIMAL(18, 3)) AS VARCHAR) AS filed,
    CAST(CAST(last_change.new_value AS DECIMAL(18, 3)) AS VARCHAR) AS found
  FROM source.metering_point
  JOIN last_change ON last_change.metering_point_id = metering_point.metering_point_id
  WHERE ABS(metering_point.multiplier - last_change.new_value) > 0.001
  UNION ALL
  SELECT
    'transformer' AS kind,
    'supply_point' AS subject_type,
    supply_point.supply_point_id AS subject_id,
    supply_point.account_id,
    transformer.retired_on AS changed_on,
    supply_point.transformer_id AS filed,
    CAST(NULL AS VARCHAR) AS found
  FROM source.supply_point
  JOIN source.transformer ON transformer.transformer_id = supply_point.transformer_id
  JOIN core.live_account ON live_account.account_id = supply_point.account_id
  WHERE transformer.retired_on <= $as_of
  UNION ALL
  SELECT
    'capacity' AS kind,
    'account' AS subject_type,
    live_account.account_id AS subject_id,
    live_account.account_id,
    dedicated.changed_on,
    CAST(CAST(live_account.contracted_kva AS DECIMAL(18, 3)) AS VARCHAR) AS filed,
    CAST(CAST(dedicated.rated_kva AS DECIMAL(18, 3)) AS VARCHAR) AS found
  FROM core.live_account
  JOIN dedicated ON dedicated.account_id = live_account.account_id
  WHERE
    dedicated.is_rated
    AND dedicated.changed_on > live_account.opened_on
    AND ABS(dedicated.rated_kva - live_account.contracted_kva) > $tolerance_kva
)

SELECT
  changed.kind,
  changed.subject_type,
  changed.subject_id,
  changed.account_id,
  COALESCE(account.org_unit_id, subject_unit.org_unit_id) AS org_unit_id,
  changed.changed_on,
  changed.filed,
  changed.found
FROM changed
LEFT JOIN source.account ON account.account_id = changed.account_id
LEFT JOIN core.subject_unit
  ON subject_unit.subject_type = changed.subject_type AND subject_unit.subject_id = changed.subject_id
