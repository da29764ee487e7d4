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
SELECT s.order_id AS subject_id,
       s.account_id,
       s.working_days > m.max_wd AS flagged,
       s.order_kind,
       s.begun_at AS inspected_at,
       s.done_at AS energized_at,
       s.working_days,
       m.max_wd,
       m.limit_key,
       s.staff_id
FROM facts.order_step AS s
LEFT JOIN param.max_wd AS m
  ON m.limit_key = CASE WHEN s.is_low_voltage THEN 'low' ELSE 'high' END
WHERE s.step = 'energize'
