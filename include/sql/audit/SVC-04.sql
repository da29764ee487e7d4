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
SELECT c.call_id AS subject_id,
       c.account_id,
       c.org_unit_id,
       UNIX_MICROS(COALESCE(c.arrived_at, $as_of_end)) - UNIX_MICROS(c.opened_at) > m.max_minutes * 60000000 AS flagged,
       c.site,
       c.opened_at,
       c.arrived_at,
       ROUND((UNIX_MICROS(COALESCE(c.arrived_at, $as_of_end)) - UNIX_MICROS(c.opened_at)) / 60000000.0, 2) AS minutes,
       m.max_minutes,
       c.staff_id
FROM source.service_call AS c
LEFT JOIN param.max_minutes AS m ON m.site = c.site
WHERE c.kind = 'repair' AND c.opened_at >= $period_start_at AND c.opened_at < $period_end_at
