/*
title: Supply point incomplete
zh: 供电点信息不齐全
flags_zh: 客户没有供电点，或有供电点未登记线路或变压器。
what_to_do:
  en: >-
    Enter the supply point with its line and transformer as in the supply plan; where it is not decided,
    return the order to planning.
  zh: 按供电方案补录供电点及其所属线路、变压器；方案未确定的，退回供电方案环节。
kind: exception
modes: [online, nightly]
subject: order
severity: high
judges: state
proof: same
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
  SELECT
    supply_point.account_id,
    COUNT(*) AS supply_points,
    COUNT(*) FILTER (WHERE NOT COALESCE(REGEXP_MATCHES(supply_point.line_id, '[^\s\p{Z}]'), FALSE))
      AS without_line,
    COUNT(*) FILTER (WHERE NOT COALESCE(REGEXP_MATCHES(supply_point.transformer_id, '[^\s\p{Z}]'), FALSE))
      AS without_transformer,
    MIN(supply_point.supply_point_id) FILTER (
      WHERE NOT COALESCE(REGEXP_MATCHES(supply_point.line_id, '[^\s\p{Z}]'), FALSE)
      OR NOT COALESCE(REGEXP_MATCHES(supply_point.transformer_id, '[^\s\p{Z}]'), FALSE)
    ) AS first_incomplete_id
  FROM source.supply_point
  GROUP BY supply_point.account_id
)

SELECT
  open_application.order_id AS subject_id,
  open_application.account_id,
  point.account_id IS NULL OR point.without_line > 0 OR point.without_transformer > 0 AS flagged,
  COALESCE(point.supply_points, 0) AS supply_points,
  COALESCE(point.without_line, 0) AS without_line,
  COALESCE(point.without_transformer, 0) AS without_transformer,
  point.first_incomplete_id
FROM core.open_application
LEFT JOIN point ON point.account_id = open_application.account_id
