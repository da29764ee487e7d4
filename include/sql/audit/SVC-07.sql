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
SELECT c.call_id AS subject_id,
       c.account_id,
       c.org_unit_id,
       c.satisfaction IN (1, 2) AS flagged,
       c.kind AS call_kind,
       c.satisfaction,
       c.opened_at,
       c.staff_id
FROM source.service_call AS c
WHERE c.opened_at >= $period_start_at AND c.opened_at < $period_end_at
