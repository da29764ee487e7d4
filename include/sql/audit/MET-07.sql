/*
title: Obsolete meter in use
zh: 已淘汰表计在用
kind: exception
modes: [nightly]
subject: meter
severity: low
flags: >-
  model_retired and in_use.
messages:
  en: >-
    Meter {subject_id} is of the obsolete model {model}.
  zh: >-
    表计 {subject_id} 属于已淘汰型号 {model}。
*/
SELECT
  meter.meter_id AS subject_id,
  metering_point.account_id,
  meter.model_retired AS flagged,
  meter.model,
  meter.metering_point_id,
  meter.manufactured_on
FROM source.meter
LEFT JOIN source.metering_point ON metering_point.metering_point_id = meter.metering_point_id
WHERE meter.status = 'in_use'
