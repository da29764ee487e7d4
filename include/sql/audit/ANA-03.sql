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
SELECT i.metering_point_id AS subject_id,
       p.account_id,
       i.stuck_hours >= $stuck_hours
         OR i.min_kwh < 0
         OR COALESCE(ROUND(i.max_kw - $spike * i.contracted_kva, 6) > 0, FALSE) AS flagged,
       CONCAT_WS(', ',
                 CASE WHEN i.stuck_hours >= $stuck_hours THEN 'stuck' END,
                 CASE WHEN i.min_kwh < 0 THEN 'negative' END,
                 CASE WHEN ROUND(i.max_kw - $spike * i.contracted_kva, 6) > 0 THEN 'spike' END) AS problems,
       i.stuck_hours,
       i.stuck_from,
       i.stuck_kwh,
       i.min_kwh,
       i.max_kw,
       i.contracted_kva,
       $stuck_hours AS max_stuck_hours,
       $spike * i.contracted_kva AS max_plausible_kw
FROM facts.interval_period AS i
LEFT JOIN source.metering_point AS p ON p.metering_point_id = i.metering_point_id
WHERE i.min_kwh IS NOT NULL
