/*
title: Energized late
zh: 送电超时限
flags_zh: 工单自竣工检验合格至送电（未送电的至审核日）的工作日数超过时限：低压、高压分别规定；12 个月内受理或仍在途，撤回、驳回的除外。
what_to_do:
  en: Energize the account at once where it is open; find what held it up.
  zh: 未送电的立即装表送电；查明超时原因并落实责任。
kind: exception
modes: [nightly]
subject: order
severity: medium
judges: state
proof: none
moves: [working_days]
flags: >-
  submitted within 12 months before as_of or still open, not withdrawn or rejected; working days from
  inspected_at to energized_at (to as_of where empty) above the limit.
params:
  max_wd:
    type: map
    columns: {limit_key: string, max_wd: integer}
    default: {low: 2, high: 5}
    doc: 'Working days from inspection to energizing: low voltage, high voltage.'
messages:
  en:
    - "The account was energized {working_days} working days after the inspection, at {energized_at}; the limit is {max_wd}."
    - "The account has not been energized {working_days} working days after the inspection; the limit is {max_wd}."
  zh:
    - "竣工检验后 {working_days} 个工作日于 {energized_at} 送电，时限 {max_wd} 个工作日。"
    - "竣工检验后已 {working_days} 个工作日未送电，时限 {max_wd} 个工作日。"
*/
SELECT
  order_step.order_id AS subject_id,
  order_step.account_id,
  order_step.working_days > max_wd.max_wd AS flagged,
  order_step.order_kind,
  order_step.begun_at AS inspected_at,
  order_step.done_at AS energized_at,
  order_step.working_days,
  max_wd.max_wd,
  max_wd.limit_key,
  order_step.staff_id
FROM facts.order_step
LEFT JOIN param.max_wd
  ON max_wd.limit_key = CASE WHEN order_step.is_low_voltage THEN 'low' ELSE 'high' END
WHERE order_step.step = 'energize'
