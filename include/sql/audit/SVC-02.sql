/*
title: Energized late
zh: 送电超时限
kind: exception
modes: [nightly]
subject: order
severity: medium
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
  en: "{working_days} working days to energizing; the limit is {max_wd}."
  zh: "验收后 {working_days} 个工作日送电，时限 {max_wd}。"
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
