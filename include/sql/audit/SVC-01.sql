/*
title: Supply plan answered late
zh: 供电方案答复超时限
flags_zh: 新装、增容工单自受理至答复供电方案（未答复的至审核日）的工作日数超过时限：低压、高压单电源、高压双电源分别规定；12 个月内受理或仍在途，撤回、驳回的除外。
what_to_do:
  en: Answer with the supply plan at once where it is open; find the step that held it up.
  zh: 未答复的立即答复供电方案；查明超时环节并落实责任。
kind: exception
modes: [nightly]
subject: order
severity: medium
judges: state
proof: none
moves: [working_days]
flags: >-
  submitted within 12 months before as_of or still open, not withdrawn or rejected; new or increase:
  working days from submitted_at to plan_replied_at (to as_of where empty) above the limit: low voltage,
  high with one supply, high with two.
params:
  max_wd:
    type: map
    columns: {limit_key: string, max_wd: integer}
    default: {low: 3, high_single: 14, high_dual: 29}
    doc: 'Working days to the answer: low voltage, high with one supply, high with two.'
messages:
  en:
    - "The supply plan was answered after {working_days} working days, on {plan_replied_at}; the limit is {max_wd}."
    - "The supply plan has not been answered after {working_days} working days; the limit is {max_wd}."
  zh:
    - "供电方案于 {plan_replied_at} 答复，历时 {working_days} 个工作日，时限 {max_wd} 个工作日。"
    - "供电方案已 {working_days} 个工作日未答复，时限 {max_wd} 个工作日。"
*/
SELECT
  order_step.order_id AS subject_id,
  order_step.account_id,
  order_step.working_days > max_wd.max_wd AS flagged,
  order_step.order_kind,
  order_step.begun_at AS submitted_at,
  order_step.done_at AS plan_replied_at,
  order_step.working_days,
  max_wd.max_wd,
  max_wd.limit_key,
  order_step.staff_id
FROM facts.order_step
LEFT JOIN param.max_wd
  ON max_wd.limit_key
  = CASE
    WHEN order_step.is_low_voltage THEN 'low' WHEN order_step.is_dual_supply THEN 'high_dual' ELSE
      'high_single'
  END
WHERE order_step.step = 'plan'
