/*
grain: one row per meter model
key: [model]
purpose: 'How often the meters of a model fail: faults reported in 12 months, over the meters in service.'
columns:
  model: {type: string, doc: 'The model; unknown for meters without one, and for faults of meters that the register does not tie to the point any more.'}
  meters: {type: integer, doc: Meters of the model in use or faulty today.}
  faulty: {type: integer, doc: Those of them that are faulty today.}
  faults: {type: integer, doc: Faults reported within 12 months before as_of at points that such a meter measured then.}
  fault_rate: {type: double, doc: Faults a year for each meter; empty without meters.}
  is_retired: {type: boolean, doc: The model is on the list of obsolete meters.}
*/
WITH event AS (
  SELECT
    metering_event.event_id,
    metering_event.metering_point_id,
    metering_event.occurred_at,
    BOOL_OR(later.event_id IS NOT NULL) AS was_replaced
  FROM source.metering_event
  LEFT JOIN source.metering_event AS later
    ON later.metering_point_id = metering_event.metering_point_id
    AND later.kind IN ('replace', 'remove', 'install')
    AND later.occurred_at > metering_event.occurred_at
  WHERE
    metering_event.kind = 'fault_reported'
    AND CAST(metering_event.occurred_at AS DATE) > ADD_MONTHS($as_of, -12)
  GROUP BY metering_event.event_id, metering_event.metering_point_id, metering_event.occurred_at
),

-- The meter that was taken away is the one that the register still ties to the point.
taken_away AS (
  SELECT
    meter.metering_point_id,
    meter.model
  FROM source.meter
  WHERE meter.status IN ('removed', 'scrapped') AND meter.metering_point_id IS NOT NULL
  QUALIFY
    ROW_NUMBER()
      OVER (PARTITION BY meter.metering_point_id ORDER BY meter.updated_at DESC NULLS LAST, meter.meter_id)
    = 1
),

fault AS (
  SELECT
    event.event_id,
    COALESCE(
      NULLIF(TRIM(CASE WHEN event.was_replaced THEN taken_away.model ELSE meter.model END), ''), 'unknown'
    )
      AS model
  FROM event
  LEFT JOIN source.metering_point ON metering_point.metering_point_id = event.metering_point_id
  LEFT JOIN source.meter ON meter.meter_id = metering_point.meter_id
  LEFT JOIN taken_away ON taken_away.metering_point_id = event.metering_point_id
),

failed AS (
  SELECT
    fault.model,
    COUNT(*) AS faults
  FROM fault
  GROUP BY fault.model
),

stock AS (
  SELECT
    COALESCE(NULLIF(TRIM(meter.model), ''), 'unknown') AS model,
    COUNT(*) AS meters,
    COUNT(*) FILTER (WHERE meter.status = 'faulty') AS faulty,
    BOOL_OR(meter.model_retired) AS is_retired
  FROM source.meter
  WHERE meter.status IN ('in_use', 'faulty')
  GROUP BY COALESCE(NULLIF(TRIM(meter.model), ''), 'unknown')
)

SELECT
  COALESCE(stock.model, failed.model) AS model,
  COALESCE(stock.meters, 0) AS meters,
  COALESCE(stock.faulty, 0) AS faulty,
  COALESCE(failed.faults, 0) AS faults,
  ROUND(RATIO(COALESCE(failed.faults, 0), stock.meters), 6) AS fault_rate,
  stock.is_retired
FROM stock
FULL OUTER JOIN failed ON failed.model = stock.model
