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
SELECT m.meter_id AS subject_id,
       p.account_id,
       m.model_retired AS flagged,
       m.model,
       m.metering_point_id,
       m.manufactured_on
FROM source.meter AS m
LEFT JOIN source.metering_point AS p ON p.metering_point_id = m.metering_point_id
WHERE m.status = 'in_use'
