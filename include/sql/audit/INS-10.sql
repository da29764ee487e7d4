/*
title: Inspection not recorded on the day
zh: 检查情况未当天录入
kind: exception
modes: [nightly]
subject: inspection
severity: low
flags: >-
  performed in P and recorded_at empty or on a later day.
messages:
  en: "Performed on {performed_on}, recorded at {recorded_at}."
  zh: "{performed_on} 检查，{recorded_at} 录入。"
*/
SELECT i.inspection_id AS subject_id,
       i.account_id,
       i.recorded_at IS NULL OR CAST(i.recorded_at AS DATE) > i.performed_on AS flagged,
       i.performed_on,
       i.recorded_at
FROM source.inspection AS i
WHERE i.performed_on >= $period AND i.performed_on <= $period_end
