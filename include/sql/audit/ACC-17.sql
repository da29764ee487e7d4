/*
title: Supply source not explicit
zh: 供电电源不明确
flags_zh: 双电源客户的供电点不足两条线路；单电源客户的供电点分属两条及以上线路；或有供电点而主供不为一个。
what_to_do:
  en: >-
    Compare the supply plan with the supply points; correct the mark of dual supply, the lines, or which
    point is the primary one.
  zh: 对照供电方案核对供电点，更正双电源标志、所属线路或主备供标志。
kind: exception
modes: [online, nightly]
subject: order
severity: high
judges: state
proof: same
flags: >-
  is_dual_supply with supply points on fewer than two lines; or not is_dual_supply with supply points on
  two or more lines; or not exactly one primary point where there are points.
messages:
  en: "Dual supply: {is_dual_supply}; {supply_points} supply points on {lines} lines, {primary_points} of them primary."
  zh: "双电源：{is_dual_supply}；供电点 {supply_points} 个，线路 {lines} 条，主供 {primary_points} 个。"
*/
WITH point AS (
  SELECT
    supply_point.account_id,
    COUNT(*) AS supply_points,
    COUNT(DISTINCT CASE WHEN REGEXP_MATCHES(supply_point.line_id, '[^\s\p{Z}]') THEN supply_point.line_id END)
      AS lines,
    COUNT(*) FILTER (WHERE supply_point.is_primary) AS primary_points
  FROM source.supply_point
  GROUP BY supply_point.account_id
)

SELECT
  open_application.order_id AS subject_id,
  open_application.account_id,
  CASE WHEN account.is_dual_supply THEN COALESCE(point.lines, 0) < 2 ELSE COALESCE(point.lines, 0) >= 2 END
  OR COALESCE(point.primary_points <> 1, FALSE) AS flagged,
  account.is_dual_supply,
  COALESCE(point.supply_points, 0) AS supply_points,
  COALESCE(point.lines, 0) AS lines,
  COALESCE(point.primary_points, 0) AS primary_points
FROM core.open_application
INNER JOIN source.account ON account.account_id = open_application.account_id
LEFT JOIN point ON point.account_id = account.account_id
