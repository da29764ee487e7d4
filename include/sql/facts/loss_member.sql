/*
grain: one row an area or line and metering point that its balance holds
key: [level, id, metering_point_id]
purpose: Which points a balance is drawn over. An area sets its area point against the main points of accounts it feeds, a line its head point against its public area points and the main points on its dedicated transformers.
columns:
  level: {type: string, doc: transformer or line.}
  id: {type: string, doc: Of the transformer or line.}
  metering_point_id: {type: string, doc: The point.}
  is_supply: {type: boolean, doc: Measures what is fed in; else what is taken out.}
  account_id: {type: string, doc: The account of a main point.}
*/
WITH member AS (
  SELECT 'transformer' AS level, t.transformer_id AS id, t.area_metering_point_id AS metering_point_id, TRUE AS is_supply, CAST(NULL AS VARCHAR) AS account_id
  FROM source.transformer AS t
  WHERE t.ownership = 'public' AND TRIM(t.area_metering_point_id) <> ''
  UNION ALL
  SELECT 'transformer' AS level, t.transformer_id AS id, f.metering_point_id, FALSE AS is_supply, f.account_id
  FROM source.transformer AS t
  JOIN core.point_feed AS f ON f.transformer_id = t.transformer_id
  WHERE t.ownership = 'public' AND TRIM(t.area_metering_point_id) <> '' AND f.role = 'main' AND TRIM(f.account_id) <> ''
  UNION ALL
  SELECT 'line' AS level, l.line_id AS id, l.head_metering_point_id AS metering_point_id, TRUE AS is_supply, CAST(NULL AS VARCHAR) AS account_id
  FROM source.line AS l
  WHERE TRIM(l.head_metering_point_id) <> ''
  UNION ALL
  SELECT 'line' AS level, l.line_id AS id, t.area_metering_point_id AS metering_point_id, FALSE AS is_supply, CAST(NULL AS VARCHAR) AS account_id
  FROM source.line AS l
  JOIN source.transformer AS t ON t.line_id = l.line_id
  WHERE TRIM(l.head_metering_point_id) <> '' AND t.ownership = 'public' AND TRIM(t.area_metering_point_id) <> ''
  UNION ALL
  SELECT 'line' AS level, l.line_id AS id, f.metering_point_id, FALSE AS is_supply, f.account_id
  FROM source.line AS l
  JOIN source.transformer AS t ON t.line_id = l.line_id
  JOIN core.point_feed AS f ON f.transformer_id = t.transformer_id
  WHERE TRIM(l.head_metering_point_id) <> '' AND t.ownership = 'dedicated' AND f.role = 'main' AND TRIM(f.account_id) <> ''
)
-- A point that two transformers share counts once, and what feeds in is not taken out.
SELECT m.level, m.id, m.metering_point_id, BOOL_OR(m.is_supply) AS is_supply, MAX(m.account_id) AS account_id
FROM member AS m
GROUP BY m.level, m.id, m.metering_point_id
