/*
title: Supply point incomplete
zh: 供电点信息不齐全
kind: exception
modes: [online, nightly]
subject: order
severity: high
flags: >-
  the account has no supply point, or one without line_id or transformer_id.
messages:
  en:
    - "Of {supply_points} supply points, {without_line} have no line and {without_transformer} no transformer; the first is {first_incomplete_id}."
    - "There is no supply point."
  zh:
    - "供电点 {supply_points} 个，其中 {without_line} 个无线路、{without_transformer} 个无变压器；首个为 {first_incomplete_id}。"
    - "没有供电点。"
*/
WITH point AS (
  SELECT s.account_id,
         COUNT(*) AS supply_points,
         COUNT(*) FILTER (WHERE NOT COALESCE(REGEXP_MATCHES(s.line_id, '[^\s\p{Z}]'), FALSE)) AS without_line,
         COUNT(*) FILTER (WHERE NOT COALESCE(REGEXP_MATCHES(s.transformer_id, '[^\s\p{Z}]'), FALSE)) AS without_transformer,
         MIN(s.supply_point_id) FILTER (WHERE NOT COALESCE(REGEXP_MATCHES(s.line_id, '[^\s\p{Z}]'), FALSE) OR NOT COALESCE(REGEXP_MATCHES(s.transformer_id, '[^\s\p{Z}]'), FALSE)) AS first_incomplete_id
  FROM source.supply_point AS s
  GROUP BY s.account_id
)
SELECT o.order_id AS subject_id,
       o.account_id,
       p.account_id IS NULL OR p.without_line > 0 OR p.without_transformer > 0 AS flagged,
       COALESCE(p.supply_points, 0) AS supply_points,
       COALESCE(p.without_line, 0) AS without_line,
       COALESCE(p.without_transformer, 0) AS without_transformer,
       p.first_incomplete_id
FROM core.open_application AS o
LEFT JOIN point AS p ON p.account_id = o.account_id
