/*
grain: one row a metering point
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
  SELECT s.account_id, MIN(s.supply_point_id) AS supply_point_id
  FROM source.supply_point AS s
  WHERE s.is_primary
  GROUP BY s.account_id
)
SELECT p.metering_point_id,
       p.account_id,
       p.role,
       s.supply_point_id,
       NULLIF(TRIM(s.transformer_id), '') AS transformer_id,
       COALESCE(NULLIF(TRIM(s.line_id), ''), t.line_id) AS line_id
FROM source.metering_point AS p
LEFT JOIN primary_point AS f ON f.account_id = p.account_id
LEFT JOIN source.supply_point AS s
  ON s.supply_point_id = COALESCE(NULLIF(TRIM(p.supply_point_id), ''), f.supply_point_id)
LEFT JOIN source.transformer AS t ON t.transformer_id = s.transformer_id
