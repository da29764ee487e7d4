/*
title: Dissatisfied caller
zh: 服务不满意
kind: listing
modes: [nightly]
subject: service_call
severity: low
flags: >-
  opened in P with satisfaction 1 or 2.
messages:
  en: "The caller gave {satisfaction} of 5."
  zh: "客户满意度 {satisfaction}（满分 5）。"
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
