/*
title: Connection takes too long
zh: 业扩流程超时限
flags_zh: 新装、增容工单自受理至归档（未归档的至审核日）的工作日数超过时限：低压、高压分别规定；12 个月内受理或仍在途，撤回、驳回的除外（承诺更替后仅作清单）。
what_to_do:
  en: Find the step in which the order stands and take it on; tell the customer the day to expect.
  zh: 查明工单停留环节并督办，告知客户预计完成日期。
kind: exception
modes: [nightly]
subject: order
severity: medium
judges: state
proof: none
moves: [working_days]
basis: "供电服务承诺, replaced by SVC-09"
changed: [{from: 2020-01-01, what: "The promise in force counts the utility's own steps (SVC-09)."}]
valid_to: 2019-12-31
after: listing
flags: >-
  submitted within 12 months before as_of or still open, not withdrawn or rejected; new or increase:
  working days from submitted_at to closed_at (to as_of where empty) above the limit.
params:
  max_wd:
    type: map
    columns: {limit_key: string, max_wd: integer}
    default: {low: 15, high: 80}
    doc: 'Working days to the closing: low voltage, high voltage.'
messages:
  en:
    - "The order was closed at {closed_at}, {working_days} working days after the application; the limit is {max_wd}."
    - "The order is open {working_days} working days after the application; the limit is {max_wd}."
  zh:
    - "工单于 {closed_at} 归档，全程 {working_days} 个工作日，时限 {max_wd} 个工作日。"
    - "工单受理后已 {working_days} 个工作日未归档，时限 {max_wd} 个工作日。"
*/
SELECT
  order_step.order_id AS subject_id,
  order_step.account_id,
  order_step.working_days > max_wd.max_wd AS flagged,
  order_step.order_kind,
  order_step.begun_at AS submitted_at,
  order_step.done_at AS closed_at,
  order_step.working_days,
  max_wd.max_wd,
  max_wd.limit_key,
  order_step.staff_id
FROM facts.order_step
LEFT JOIN param.max_wd
  ON max_wd.limit_key = CASE WHEN order_step.is_low_voltage THEN 'low' ELSE 'high' END
WHERE order_step.step = 'connection'
