/*
title: Utility's own steps too slow
zh: 供电企业办理环节超时限
flags_zh: 新装、增容工单自受理至答复方案与自竣工检验至送电的工作日合计（在途环节计至审核日）超过时限：低压、高压单电源、高压双电源分别规定；12 个月内受理或仍在途，撤回、驳回的除外。
what_to_do:
  en: "Take the open step on at once; find which of the utility's own steps took the time."
  zh: 在途环节立即督办，查明超时的供电企业办理环节并落实责任。
kind: exception
modes: [nightly]
subject: order
severity: medium
judges: state
proof: none
moves: [working_days, plan_days, energize_days]
basis: 供电服务承诺
flags: >-
  new or increase, submitted within 12 months before as_of or still open, not withdrawn or rejected: the wd from
  submitted_at to plan_replied_at (to as_of where empty) and from inspected_at to energized_at (to as_of where inspected_at
  is set and energized_at empty; 0 where inspected_at is empty) together above the limit: low voltage, high with one
  supply, high with two.
params:
  max_wd:
    type: map
    columns: {limit_key: string, max_wd: integer}
    default: {low: 6, high_single: 22, high_dual: 32}
    doc: "Working days of the utility's own steps: low voltage, high with one supply, high with two."
messages:
  en: "The utility's own steps took {working_days} working days ({plan_days} to the plan, {energize_days} to energizing); the limit is {max_wd}."
  zh: "供电企业办理环节用时 {working_days} 个工作日（答复方案 {plan_days}，验收送电 {energize_days}），时限 {max_wd}。"
*/
SELECT
  order_own_time.order_id AS subject_id,
  order_own_time.account_id,
  order_own_time.working_days > max_wd.max_wd AS flagged,
  order_own_time.order_kind,
  order_own_time.working_days,
  order_own_time.plan_days,
  order_own_time.energize_days,
  max_wd.max_wd,
  max_wd.limit_key,
  order_own_time.submitted_at,
  order_own_time.plan_replied_at,
  order_own_time.inspected_at,
  CASE WHEN order_own_time.inspected_at IS NOT NULL THEN order_own_time.energized_at END AS energized_at,
  order_own_time.staff_id
FROM facts.order_own_time
LEFT JOIN param.max_wd ON max_wd.limit_key = order_own_time.limit_key
WHERE order_own_time.is_recent
