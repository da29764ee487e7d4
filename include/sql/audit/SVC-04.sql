/*
title: Repair crew late on site
zh: 抢修到达时间超时限
kind: exception
modes: [nightly]
subject: service_call
severity: high
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
  en: "{minutes} minutes to a {site} site; the limit is {max_minutes}."
  zh: "{site} 抢修到达 {minutes} 分钟，时限 {max_minutes}。"
*/
SELECT
  service_call.call_id AS subject_id,
  service_call.account_id,
  service_call.org_unit_id,
  UNIX_MICROS(COALESCE(service_call.arrived_at, $as_of_end)) - UNIX_MICROS(service_call.opened_at)
  > max_minutes.max_minutes * 60000000 AS flagged,
  service_call.site,
  service_call.opened_at,
  service_call.arrived_at,
  ROUND(
    (UNIX_MICROS(COALESCE(service_call.arrived_at, $as_of_end)) - UNIX_MICROS(service_call.opened_at))
    / 60000000.0,
    2
  ) AS minutes,
  max_minutes.max_minutes,
  service_call.staff_id
FROM source.service_call
LEFT JOIN param.max_minutes ON max_minutes.site = service_call.site
WHERE
  service_call.kind = 'repair'
  AND service_call.opened_at >= $period_start_at
  AND service_call.opened_at < $period_end_at
