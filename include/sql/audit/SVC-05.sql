/*
title: Complaint not settled in time
zh: 投诉处理超时限
kind: exception
modes: [nightly]
subject: service_call
severity: high
flags: >-
  a complaint: working days from opened_at to resolved_at (to as_of where empty) above max_wd, opened
  within 12 months before as_of.
params:
  max_wd: {type: integer, default: 5, minimum: 0, doc: Working days to settle a complaint.}
messages:
  en: "{working_days} working days to settle the complaint; the limit is {max_wd}."
  zh: "投诉处理 {working_days} 个工作日，时限 {max_wd}。"
*/
SELECT c.call_id AS subject_id,
       c.account_id,
       c.org_unit_id,
       cb.working_day_no - ca.working_day_no > $max_wd AS flagged,
       c.opened_at,
       c.resolved_at,
       cb.working_day_no - ca.working_day_no AS working_days,
       $max_wd AS max_wd,
       c.staff_id
FROM source.service_call AS c
LEFT JOIN core.calendar AS ca ON ca.day = CAST(c.opened_at AS DATE)
LEFT JOIN core.calendar AS cb ON cb.day = COALESCE(CAST(c.resolved_at AS DATE), $as_of)
WHERE c.kind = 'complaint' AND CAST(c.opened_at AS DATE) >= ADD_MONTHS($as_of, -12)
