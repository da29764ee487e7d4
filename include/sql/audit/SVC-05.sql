/*
title: Complaint not settled in time
zh: 投诉处理超时限
flags_zh: 审核日前 12 个月内的投诉，自受理至办结（未办结的至审核日）超过 max_wd 个工作日。
what_to_do:
  en: Settle the complaint, answer the customer, and have the supervisor look over why it took so long.
  zh: 限期办结并答复客户，由负责人查明超时原因。
kind: exception
modes: [nightly]
subject: service_call
severity: high
judges: state
proof: none
moves: [working_days]
window: {on: opened_at, within: 12, unit: months}
flags: >-
  a complaint: working days from opened_at to resolved_at (to as_of where empty) above max_wd, opened
  within 12 months before as_of.
params:
  max_wd: {type: integer, default: 5, minimum: 0, doc: Working days to settle a complaint.}
messages:
  en:
    - "The complaint was settled after {working_days} working days, at {resolved_at}; the limit is {max_wd}."
    - "The complaint has not been settled after {working_days} working days; the limit is {max_wd}."
  zh:
    - "投诉于 {resolved_at} 办结，历时 {working_days} 个工作日，时限 {max_wd} 个工作日。"
    - "投诉已 {working_days} 个工作日未办结，时限 {max_wd} 个工作日。"
*/
SELECT
  call_clock.call_id AS subject_id,
  call_clock.account_id,
  call_clock.org_unit_id,
  call_clock.working_days > $max_wd AS flagged,
  call_clock.opened_at,
  call_clock.resolved_at,
  call_clock.working_days,
  $max_wd AS max_wd,
  call_clock.staff_id
FROM facts.call_clock
WHERE call_clock.kind = 'complaint' AND CAST(call_clock.opened_at AS DATE) >= ADD_MONTHS($as_of, -12)
