/*
title: Obsolete meter in use
zh: 已淘汰表计在用
flags_zh: 运行电能表属于已淘汰型号。
what_to_do:
  en: Put the meter into the plan of replacement.
  zh: 列入更换计划，限期换装。
kind: exception
modes: [nightly]
subject: meter
severity: low
judges: state
proof: same
flags: >-
  model_retired and in_use.
messages:
  en: "The meter is of model {model}, which is on the list of obsolete models."
  zh: "运行电能表型号为 {model}，已列入淘汰目录。"
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
