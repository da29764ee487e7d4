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
  SELECT s.account_id,
         s.supply_point_id,
         s.line_id,
         s.transformer_id,
         t.line_id AS transformer_line_id,
         COALESCE(NULLIF(TRIM(s.line_id), '') <> t.line_id, FALSE) AS differs
  FROM source.supply_point AS s
  LEFT JOIN source.transformer AS t ON t.transformer_id = s.transformer_id
)
SELECT p.account_id AS subject_id,
       p.account_id,
       p.differs AS flagged,
       p.supply_point_id,
       p.line_id,
       p.transformer_id,
       p.transformer_line_id
FROM point AS p
QUALIFY ROW_NUMBER() OVER (PARTITION BY p.account_id ORDER BY p.differs DESC, p.supply_point_id) = 1
