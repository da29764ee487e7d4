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
SELECT
  inspection.inspection_id AS subject_id,
  inspection.account_id,
  inspection.recorded_at IS NULL OR CAST(inspection.recorded_at AS DATE) > inspection.performed_on AS flagged,
  inspection.performed_on,
  inspection.recorded_at
FROM source.inspection
WHERE inspection.performed_on >= $period AND inspection.performed_on <= $period_end
