/*
title: 'Meter test, move or transfer on a dual-supply or temporary account'
zh: 双路供电及临时客户校表移表过户清单
flags_zh: 双电源或临时用电账户在审核月内申请校表、移表、迁址或过户，列出复核。
what_to_do:
  en: Look the order over; see on site that all points of supply and their meters were taken along.
  zh: 复核工单，现场核实各电源点及计量装置是否一并处理。
kind: listing
modes: [nightly]
subject: order
severity: low
judges: month
proof: same
flags: >-
  an order of kind meter_test, relocate_meter, move_premises or transfer_name submitted in P on an account
  that is dual-supply or temporary.
messages:
  en: "A {order_kind} was applied for on {submitted_at} (dual supply: {is_dual_supply}; temporary: {is_temporary})."
  zh: "{submitted_at} 申请{order_kind}（双电源：{is_dual_supply}；临时用电：{is_temporary}）。"
*/
SELECT
  service_order.order_id AS subject_id,
  service_order.account_id,
  account.is_dual_supply OR account.is_temporary AS flagged,
  service_order.kind AS order_kind,
  service_order.submitted_at,
  account.is_dual_supply,
  account.is_temporary
FROM source.service_order
INNER JOIN source.account ON account.account_id = service_order.account_id
WHERE
  service_order.kind IN ('meter_test', 'relocate_meter', 'move_premises', 'transfer_name')
  AND service_order.submitted_at >= $period_start_at AND service_order.submitted_at < $period_end_at
