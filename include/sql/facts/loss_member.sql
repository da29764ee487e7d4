/*
grain: one row per area or line and metering point that its balance holds
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
  SELECT
    'transformer' AS level,
    transformer.transformer_id AS id,
    transformer.area_metering_point_id AS metering_point_id,
    TRUE AS is_supply,
    CAST(NULL AS VARCHAR) AS account_id
  FROM source.transformer
  WHERE transformer.ownership = 'public' AND TRIM(transformer.area_metering_point_id) <> ''
  UNION ALL
  SELECT
    'transformer' AS level,
    transformer.transformer_id AS id,
    point_feed.metering_point_id,
    FALSE AS is_supply,
    point_feed.account_id
  FROM source.transformer
  JOIN core.point_feed ON point_feed.transformer_id = transformer.transformer_id
  WHERE
    transformer.ownership = 'public'
    AND TRIM(transformer.area_metering_point_id) <> ''
    AND point_feed.role = 'main'
    AND TRIM(point_feed.account_id) <> ''
  UNION ALL
  SELECT
    'line' AS level,
    line.line_id AS id,
    line.head_metering_point_id AS metering_point_id,
    TRUE AS is_supply,
    CAST(NULL AS VARCHAR) AS account_id
  FROM source.line
  WHERE TRIM(line.head_metering_point_id) <> ''
  UNION ALL
  SELECT
    'line' AS level,
    line.line_id AS id,
    transformer.area_metering_point_id AS metering_point_id,
    FALSE AS is_supply,
    CAST(NULL AS VARCHAR) AS account_id
  FROM source.line
  JOIN source.transformer ON transformer.line_id = line.line_id
  WHERE
    TRIM(line.head_metering_point_id) <> ''
    AND transformer.ownership = 'public'
    AND TRIM(transformer.area_metering_point_id) <> ''
  UNION ALL
  SELECT
    'line' AS level,
    line.line_id AS id,
    point_feed.metering_point_id,
    FALSE AS is_supply,
    point_feed.account_id
  FROM source.line
  JOIN source.transformer ON transformer.line_id = line.line_id
  JOIN core.point_feed ON point_feed.transformer_id = transformer.transformer_id
  WHERE
    TRIM(line.head_metering_point_id) <> ''
    AND transformer.ownership = 'dedicated'
    AND point_feed.role = 'main'
    AND TRIM(point_feed.account_id) <> ''
)

-- A point that two transformers share counts once, and what feeds in is not taken out.
SELECT
  member.level,
  member.id,
  member.metering_point_id,
  BOOL_OR(member.is_supply) AS is_supply,
  MAX(member.account_id) AS account_id
FROM member
GROUP BY member.level, member.id, member.metering_point_id
