/*
title: 'Meter test, move or transfer on a dual-supply or temporary account'
zh: 双路供电及临时客户校表移表过户清单
kind: listing
modes: [nightly]
subject: order
severity: low
flags: >-
  an order of kind meter_test, relocate_meter, move_premises or transfer_name submitted in P on an account
  that is dual-supply or temporary.
messages:
  en: "{order_kind} submitted at {submitted_at} (dual supply: {is_dual_supply}, temporary: {is_temporary})."
  zh: "{submitted_at} 受理 {order_kind}（双电源：{is_dual_supply}，临时：{is_temporary}）。"
*/
SELECT o.order_id AS subject_id,
       o.account_id,
       a.is_dual_supply OR a.is_temporary AS flagged,
       o.kind AS order_kind,
       o.submitted_at,
       a.is_dual_supply,
       a.is_temporary
FROM source.service_order AS o
INNER JOIN source.account AS a ON a.account_id = o.account_id
WHERE o.kind IN ('meter_test', 'relocate_meter', 'move_premises', 'transfer_name')
  AND o.submitted_at >= $period_start_at AND o.submitted_at < $period_end_at
