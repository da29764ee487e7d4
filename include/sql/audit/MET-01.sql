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
SELECT p.metering_point_id AS subject_id,
       p.account_id,
       m.meter_id IS NULL
         OR NULLIF(TRIM(m.metering_point_id), '') <> p.metering_point_id
         OR m.status NOT IN ('in_use', 'faulty') AS flagged,
       p.meter_id,
       CASE
         WHEN COALESCE(TRIM(p.meter_id), '') = '' THEN 'no meter in the customer file'
         WHEN m.meter_id IS NULL THEN 'meter not in the asset register'
         WHEN NULLIF(TRIM(m.metering_point_id), '') <> p.metering_point_id THEN 'meter is elsewhere'
         WHEN m.status NOT IN ('in_use', 'faulty') THEN 'meter is not in use'
       END AS problem,
       m.metering_point_id AS asset_metering_point_id,
       m.status AS asset_status
FROM source.metering_point AS p
JOIN core.live_account AS a ON a.account_id = p.account_id
LEFT JOIN source.meter AS m ON m.meter_id = p.meter_id
WHERE p.role = 'main'
