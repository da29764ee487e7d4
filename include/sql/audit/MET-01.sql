/*
title: Customer file and asset register disagree
zh: 表计档案与资产不符
kind: exception
modes: [nightly]
subject: metering_point
severity: high
flags: >-
  a main point of a live account whose meter_id is empty or unknown, or whose meter names another
  metering_point_id, or is not in_use (a faulty one does not flag).
messages:
  en: >-
    Metering point and asset register disagree on meter {meter_id}: {problem}.
  zh: >-
    客户档案与资产系统不一致（表计 {meter_id}）：{problem}。
*/
SELECT
  metering_point.metering_point_id AS subject_id,
  metering_point.account_id,
  meter.meter_id IS NULL
  OR NULLIF(TRIM(meter.metering_point_id), '') <> metering_point.metering_point_id
  OR meter.status NOT IN ('in_use', 'faulty') AS flagged,
  metering_point.meter_id,
  CASE
    WHEN COALESCE(TRIM(metering_point.meter_id), '') = '' THEN 'no meter in the customer file'
    WHEN meter.meter_id IS NULL THEN 'meter not in the asset register'
    WHEN
      NULLIF(TRIM(meter.metering_point_id), '') <> metering_point.metering_point_id
      THEN 'meter is elsewhere'
    WHEN meter.status NOT IN ('in_use', 'faulty') THEN 'meter is not in use'
  END AS problem,
  meter.metering_point_id AS asset_metering_point_id,
  meter.status AS asset_status
FROM source.metering_point
JOIN core.live_account ON live_account.account_id = metering_point.account_id
LEFT JOIN source.meter ON meter.meter_id = metering_point.meter_id
WHERE metering_point.role = 'main'
