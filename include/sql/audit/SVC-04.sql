/*
title: Repair crew late on site
zh: 抢修到达时间超时限
flags_zh: 审核月内的报修，自受理至抢修人员到达现场（未到达的至审核日）的分钟数超过该地区时限：城区、农村、偏远地区分别规定。
what_to_do:
  en: >-
    Find why the crew was late (distance, dispatch, no crew) and say so to the customer; change the posting
    of crews where it happens again.
  zh: 查明超时原因（路程、派单、人员）并向客户说明；多次发生的调整抢修驻点。
kind: exception
modes: [nightly]
subject: service_call
severity: high
judges: month
proof: none
moves: [minutes]
site: true
flags: >-
  a repair call opened in P: minutes from opened_at to arrived_at (to as_of where empty) above the limit
  of its site.
params:
  max_minutes:
    type: map
    columns: {site: string, max_minutes: double}
    default: {urban: 45, rural: 90, remote: 120}
    doc: Minutes to the arrival by site.
messages:
  en:
    - "The crew was on the {site} site after {minutes} minutes, at {arrived_at}; the limit is {max_minutes} minutes."
    - "No crew has arrived at the {site} site after {minutes} minutes; the limit is {max_minutes} minutes."
  zh:
    - "{site}报修，抢修人员于 {arrived_at} 到达，历时 {minutes} 分钟，时限 {max_minutes} 分钟。"
    - "{site}报修已 {minutes} 分钟，抢修人员未到达，时限 {max_minutes} 分钟。"
*/
SELECT
  call_clock.call_id AS subject_id,
  call_clock.account_id,
  call_clock.org_unit_id,
  call_clock.arrival_us > max_minutes.max_minutes * 60000000 AS flagged,
  call_clock.site,
  call_clock.opened_at,
  call_clock.arrived_at,
  ROUND(call_clock.arrival_us / 60000000.0, 2) AS minutes,
  max_minutes.max_minutes,
  call_clock.staff_id
FROM facts.call_clock
LEFT JOIN param.max_minutes ON max_minutes.site = call_clock.site
WHERE
  call_clock.kind = 'repair'
  AND call_clock.opened_at >= $period_start_at
  AND call_clock.opened_at < $period_end_at
