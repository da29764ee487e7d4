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
SELECT
  service_call.call_id AS subject_id,
  service_call.account_id,
  service_call.org_unit_id,
  resolved_day.working_day_no - opened_day.working_day_no > $max_wd AS flagged,
  service_call.opened_at,
  service_call.resolved_at,
  resolved_day.working_day_no - opened_day.working_day_no AS working_days,
  $max_wd AS max_wd,
  service_call.staff_id
FROM source.service_call
LEFT JOIN core.calendar AS opened_day ON opened_day.day = CAST(service_call.opened_at AS DATE)
LEFT JOIN core.calendar AS resolved_day
  ON resolved_day.day = COALESCE(CAST(service_call.resolved_at AS DATE), $as_of)
WHERE service_call.kind = 'complaint' AND CAST(service_call.opened_at AS DATE) >= ADD_MONTHS($as_of, -12)
