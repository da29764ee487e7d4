/*
title: Stuck or impossible intervals
zh: 采集数据异常
kind: exception
modes: [nightly]
subject: metering_point
severity: medium
flags: >-
  in P, over rows with a kwh (a gap ends a run): the same kwh above 0 for at least stuck_hours hours on end;
  a negative kwh; or an interval above spike x contracted_kva x its length.
params:
  stuck_hours: {type: number, default: 24, minimum: 12, doc: 'Hours of one and the same kwh that are no use any more.'}
  spike: {type: number, default: 1.5, minimum: 0, doc: 'Highest mean power in contracted kVA.'}
messages:
  en: >-
    Intervals are {problems}: stuck for {stuck_hours} hours, lowest {min_kwh} kWh, highest {max_kw} kW.
  zh: >-
    采集数据异常（{problems}）：连续不变 {stuck_hours} 小时，最小 {min_kwh} kWh，最大 {max_kw} kW。
*/
SELECT
  interval_period.metering_point_id AS subject_id,
  metering_point.account_id,
  interval_period.stuck_hours >= $stuck_hours
  OR interval_period.min_kwh < 0
  OR COALESCE(ROUND(interval_period.max_kw - $spike * interval_period.contracted_kva, 6) > 0, FALSE)
    AS flagged,
  CONCAT_WS(
    ', ',
    CASE WHEN interval_period.stuck_hours >= $stuck_hours THEN 'stuck' END,
    CASE WHEN interval_period.min_kwh < 0 THEN 'negative' END,
    CASE WHEN ROUND(interval_period.max_kw - $spike * interval_period.contracted_kva, 6) > 0 THEN 'spike' END)
    AS problems,
  interval_period.stuck_hours,
  interval_period.stuck_from,
  interval_period.stuck_kwh,
  interval_period.min_kwh,
  interval_period.max_kw,
  interval_period.contracted_kva,
  $stuck_hours AS max_stuck_hours,
  $spike * interval_period.contracted_kva AS max_plausible_kw
FROM facts.interval_period
LEFT JOIN source.metering_point ON metering_point.metering_point_id = interval_period.metering_point_id
WHERE interval_period.min_kwh IS NOT NULL
