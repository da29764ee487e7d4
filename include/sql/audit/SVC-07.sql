/*
title: Dissatisfied caller
zh: 服务不满意
flags_zh: 审核月内的来电，客户满意度为 1 或 2，列出回访。
what_to_do:
  en: Call the customer back and find out what was wrong.
  zh: 回访客户，了解不满意原因并改进。
kind: listing
modes: [nightly]
subject: service_call
severity: low
judges: month
proof: same
flags: >-
  opened in P with satisfaction 1 or 2.
messages:
  en: "After the {call_kind} of {opened_at} the customer gave {satisfaction} of 5; 1 and 2 are listed."
  zh: "{opened_at} 的{call_kind}，客户满意度 {satisfaction} 分（满分 5 分），1、2 分列入回访。"
*/
SELECT
  service_call.call_id AS subject_id,
  service_call.account_id,
  service_call.org_unit_id,
  service_call.satisfaction IN (1, 2) AS flagged,
  service_call.kind AS call_kind,
  service_call.satisfaction,
  service_call.opened_at,
  service_call.staff_id
FROM source.service_call
WHERE service_call.opened_at >= $period_start_at AND service_call.opened_at < $period_end_at
