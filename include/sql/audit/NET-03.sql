/*
title: Supply point and transformer on different lines
zh: 变压器与线路归属不一致
kind: exception
modes: [nightly]
subject: account
severity: medium
flags: >-
  a supply point whose line_id differs from its transformer's line_id.
messages:
  en: >-
    Supply point {supply_point_id} is on line {line_id}, its transformer {transformer_id} on
    {transformer_line_id}.
  zh: >-
    供电点 {supply_point_id} 属线路 {line_id}，其变压器 {transformer_id} 属线路 {transformer_line_id}。
*/
WITH point AS (
  SELECT
    supply_point.account_id,
    supply_point.supply_point_id,
    supply_point.line_id,
    supply_point.transformer_id,
    transformer.line_id AS transformer_line_id,
    COALESCE(NULLIF(TRIM(supply_point.line_id), '') <> transformer.line_id, FALSE) AS differs
  FROM source.supply_point
  LEFT JOIN source.transformer ON transformer.transformer_id = supply_point.transformer_id
)

SELECT
  point.account_id AS subject_id,
  point.account_id,
  point.differs AS flagged,
  point.supply_point_id,
  point.line_id,
  point.transformer_id,
  point.transformer_line_id
FROM point
QUALIFY
  ROW_NUMBER() OVER (PARTITION BY point.account_id ORDER BY point.differs DESC, point.supply_point_id) = 1
