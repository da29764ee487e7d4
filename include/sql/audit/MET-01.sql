/*
title: Customer file and asset register disagree
zh: 表计档案与资产不符
flags_zh: 在用账户主计量点未登记表计、所登记表计在资产系统中不存在、资产系统登记在其他计量点，或表计状态不是运行（故障除外）。
what_to_do:
  en: >-
    Read the meter's number on site and correct the file or the asset register; where the meter was changed,
    enter the change with both registers.
  zh: 现场核对表号，更正客户档案或资产系统；换表未登记的，补录换表记录及新旧表示数。
kind: exception
modes: [nightly]
subject: metering_point
severity: high
judges: state
proof: same
site: true
flags: >-
  a main point of a live account whose meter_id is empty or unknown, or whose meter names another
  metering_point_id, or is not in_use (a faulty one does not flag).
messages:
  en:
    - "Customer file and asset register disagree on meter {meter_id}: {problem}."
    - "The customer file names no meter for the main point."
  zh:
    - "客户档案与资产系统登记的电能表（{meter_id}）不一致：{problem}。"
    - "客户档案未登记该主计量点的电能表。"
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
