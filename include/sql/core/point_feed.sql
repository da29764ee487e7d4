/*
grain: one row per metering point
key: [metering_point_id]
purpose: What feeds a point, decided once. It takes from its supply point; where it names none, from its account's primary one (of several the first by id); an id that is unknown feeds nothing.
columns:
  metering_point_id: {type: string, doc: The point.}
  account_id: {type: string, doc: Its account; empty for area and line points.}
  role: {type: string, doc: 'main, sub, check, area or line.'}
  supply_point_id: {type: string, doc: The supply point it takes from; empty where none is known.}
  transformer_id: {type: string, doc: The transformer of that supply point, as the source names it.}
  line_id: {type: string, doc: 'The line of that supply point; where it names none, the line of its transformer.'}
*/
WITH primary_point AS (
  SELECT
    supply_point.account_id,
    MIN(supply_point.supply_point_id) AS supply_point_id
  FROM source.supply_point
  WHERE supply_point.is_primary
  GROUP BY supply_point.account_id
)

SELECT
  metering_point.metering_point_id,
  metering_point.account_id,
  metering_point.role,
  supply_point.supply_point_id,
  NULLIF(TRIM(supply_point.transformer_id), '') AS transformer_id,
  COALESCE(NULLIF(TRIM(supply_point.line_id), ''), transformer.line_id) AS line_id
FROM source.metering_point
LEFT JOIN primary_point ON primary_point.account_id = metering_point.account_id
LEFT JOIN source.supply_point
  ON supply_point.supply_point_id
  = COALESCE(NULLIF(TRIM(metering_point.supply_point_id), ''), primary_point.supply_point_id)
LEFT JOIN source.transformer ON transformer.transformer_id = supply_point.transformer_id
