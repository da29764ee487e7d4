/*
title: Intervals missing
zh: 采集缺失
kind: exception
modes: [nightly]
subject: metering_point
severity: low
flags: >-
  a point of a live account, an area or a line point that has had any interval before the end of P: fewer
  than min_coverage of its intervals of P, from installed_on, are there as measured or estimated with a kwh.
params:
  min_coverage: {type: number, default: 0.95, minimum: 0, maximum: 1, doc: 'Share of the intervals that must be there.'}
messages:
  en: >-
    {present} of {expected} intervals are there.
  zh: >-
    应采 {expected} 点，实采 {present} 点。
*/
SELECT i.metering_point_id AS subject_id,
       p.account_id,
       ROUND(i.present - $min_coverage * i.expected, 6) < 0 AS flagged,
       CASE WHEN i.expected = 0 THEN 'not_installed' END AS not_checked,
       i.present,
       i.expected,
       RATIO(i.present, i.expected) AS coverage,
       $min_coverage AS min_coverage,
       p.role,
       p.installed_on
FROM facts.interval_period AS i
JOIN source.metering_point AS p ON p.metering_point_id = i.metering_point_id
LEFT JOIN core.live_account AS a ON a.account_id = p.account_id
WHERE a.account_id IS NOT NULL OR p.role IN ('area', 'line')
