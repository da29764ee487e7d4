/*
title: Inspection not recorded on the day
zh: 检查情况未当天录入
flags_zh: 审核月内执行的检查未录入，或在检查日之后才录入。
what_to_do:
  en: Instruct the inspector to record on the day; enter what is missing.
  zh: 补录检查结果，提醒检查人员当日录入。
kind: exception
modes: [nightly]
subject: inspection
severity: low
judges: month
proof: none
flags: >-
  performed in P and recorded_at empty or on a later day.
messages:
  en:
    - "The inspection of {performed_on} was recorded at {recorded_at}; it must be recorded the same day."
    - "The inspection of {performed_on} is not recorded; it must be recorded the same day."
  zh:
    - "{performed_on} 的检查于 {recorded_at} 录入，应当日录入。"
    - "{performed_on} 的检查未录入，应当日录入。"
*/
SELECT
  inspection.inspection_id AS subject_id,
  inspection.account_id,
  inspection.recorded_at IS NULL OR CAST(inspection.recorded_at AS DATE) > inspection.performed_on AS flagged,
  inspection.performed_on,
  inspection.recorded_at
FROM source.inspection
WHERE inspection.performed_on >= $period AND inspection.performed_on <= $period_end
