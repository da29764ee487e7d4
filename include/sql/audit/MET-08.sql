/*
title: Rotation overdue
zh: 超周期轮换
flags_zh: 运行电能表上次检定日期距审核日超过其准确度等级对应的轮换周期。
what_to_do:
  en: "Put the meter into the month's rotation and have it tested."
  zh: 列入当月轮换计划，换装后送检。
kind: exception
modes: [nightly]
subject: meter
severity: medium
judges: state
proof: same
moves: [limit_on]
site: true
flags: >-
  in_use and calibrated_on more than the cycle of its accuracy_class before as_of.
params:
  years: {type: map, columns: {accuracy_class: string, years: integer}, default: {0.2S: 6, 0.5S: 6, '1': 8, '2': 8}, doc: 'Rotation cycle in years by accuracy class.'}
  default_years: {type: integer, default: 8, minimum: 1, doc: 'Cycle of any other class.'}
messages:
  en: "The meter was last calibrated on {calibrated_on}, more than the {cycle_years} years of its class ago."
  zh: "电能表上次检定日期为 {calibrated_on}，已超过 {cycle_years} 年轮换周期。"
*/
WITH cycle AS (
  SELECT
    meter.meter_id,
    meter.metering_point_id,
    meter.accuracy_class,
    meter.calibrated_on,
    COALESCE(years.years, $default_years) AS years
  FROM source.meter
  LEFT JOIN param.years
    ON years.accuracy_class = meter.accuracy_class
    OR TRY_CAST(years.accuracy_class AS DOUBLE) = TRY_CAST(meter.accuracy_class AS DOUBLE)
  WHERE meter.status = 'in_use'
),

due AS (
  SELECT
    cycle.meter_id,
    cycle.metering_point_id,
    cycle.accuracy_class,
    cycle.calibrated_on,
    cycle.years,
    ADD_MONTHS($as_of, CAST(-12 * cycle.years AS INT)) AS not_before
  FROM cycle
)

SELECT
  due.meter_id AS subject_id,
  metering_point.account_id,
  due.calibrated_on < due.not_before AS flagged,
  due.calibrated_on,
  due.accuracy_class,
  due.years AS cycle_years,
  due.not_before AS limit_on,
  due.metering_point_id
FROM due
LEFT JOIN source.metering_point ON metering_point.metering_point_id = due.metering_point_id
