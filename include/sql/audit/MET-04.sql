/*
title: Faulty meter not replaced in time
zh: 故障表计调换超时限
flags_zh: 报告故障后 max_days × 24 小时内未消除故障或换表，且审核日已超过该期限。
what_to_do:
  en: Replace or repair the meter at once; settle the energy of the time of the fault.
  zh: 立即换表或消除故障，并按规定退补故障期间电量。
kind: exception
modes: [nightly]
subject: metering_point
severity: high
judges: state
proof: none
flags: >-
  fault_reported with no fault_cleared or replace within max_days x 24 hours after it, and the end of as_of
  is past that.
params:
  max_days: {type: number, default: 7, minimum: 0, doc: 'Days of 24 hours within which a faulty meter is repaired or replaced.'}
messages:
  en:
    - "The fault reported at {reported_at} was put right at {fixed_at}; {max_days} days are allowed."
    - "The fault reported at {reported_at} has not been put right; {max_days} days are allowed."
  zh:
    - "{reported_at} 报告的故障于 {fixed_at} 处理完毕，时限 {max_days} 天。"
    - "{reported_at} 报告的故障尚未处理，时限 {max_days} 天。"
*/
WITH fault AS (
  SELECT
    fault_handling.metering_point_id,
    fault_handling.account_id,
    fault_handling.event_id,
    fault_handling.reported_at,
    fault_handling.fixed_at,
    fault_handling.passed_us > $max_days * 86400000000
    AND (fault_handling.handled_us IS NULL OR fault_handling.handled_us > $max_days * 86400000000) AS is_late
  FROM facts.fault_handling
)

SELECT
  fault.metering_point_id AS subject_id,
  fault.account_id,
  fault.is_late AS flagged,
  fault.event_id,
  fault.reported_at,
  fault.fixed_at,
  $max_days AS max_days
FROM fault
QUALIFY
  ROW_NUMBER()
    OVER (PARTITION BY fault.metering_point_id ORDER BY fault.is_late DESC, fault.reported_at, fault.event_id)
  = 1
