/*
title: Supply source not explicit
zh: 供电电源不明确
kind: exception
modes: [online, nightly]
subject: order
severity: high
flags: >-
  is_dual_supply with supply points on fewer than two lines; or not is_dual_supply with supply points on
  two or more lines; or not exactly one primary point where there are points.
messages:
  en: "Dual supply: {is_dual_supply}; {supply_points} supply points on {lines} lines, {primary_points} of them primary."
  zh: "双电源：{is_dual_supply}；供电点 {supply_points} 个，线路 {lines} 条，主供 {primary_points} 个。"
*/
WITH point AS (
  SELECT s.account_id,
         COUNT(*) AS supply_points,
         COUNT(DISTINCT CASE WHEN REGEXP_MATCHES(s.line_id, '[^\s\p{Z}]') THEN s.line_id END) AS lines,
         COUNT(*) FILTER (WHERE s.is_primary) AS primary_points
  FROM source.supply_point AS s
  GROUP BY s.account_id
)
SELECT o.order_id AS subject_id,
       o.account_id,
       CASE WHEN a.is_dual_supply THEN COALESCE(p.lines, 0) < 2 ELSE COALESCE(p.lines, 0) >= 2 END
         OR COALESCE(p.primary_points <> 1, FALSE) AS flagged,
       a.is_dual_supply,
       COALESCE(p.supply_points, 0) AS supply_points,
       COALESCE(p.lines, 0) AS lines,
       COALESCE(p.primary_points, 0) AS primary_points
FROM core.open_application AS o
INNER JOIN source.account AS a ON a.account_id = o.account_id
LEFT JOIN point AS p ON p.account_id = a.account_id
