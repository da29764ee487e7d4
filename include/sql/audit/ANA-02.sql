/*
title: Intervals missing
zh: 采集缺失
flags_zh: 曾有采集数据的计量点（在用账户、台区或线路考核点），审核月有效采集点数占应采点数的比例低于 min_coverage。
what_to_do:
  en: Mend the terminal or the channel and have the missing days read in.
  zh: 检修采集终端或通信通道，并补采缺失数据。
kind: exception
modes: [nightly]
subject: metering_point
severity: low
judges: month
proof: next
flags: >-
  a point of a live account, an area or a line point that has had any interval before the end of P: fewer
  than min_coverage of its intervals of P, from installed_on, are there as measured or estimated with a kwh.
params:
  min_coverage: {type: number, default: 0.95, minimum: 0, maximum: 1, doc: 'Share of the intervals that must be there.'}
messages:
  en: "{present} of {expected} intervals of the month are there, {coverage}; at least {min_coverage} must be."
  zh: "当月应采 {expected} 点，实采 {present} 点，完整率 {coverage}，应不低于 {min_coverage}。"
*/
SELECT
  interval_period.metering_point_id AS subject_id,
  metering_point.account_id,
  ROUND(interval_period.present - $min_coverage * interval_period.expected, 6) < 0 AS flagged,
  CASE WHEN interval_period.expected = 0 THEN 'not_installed' END AS not_checked,
  interval_period.present,
  interval_period.expected,
  RATIO(interval_period.present, interval_period.expected) AS coverage,
  $min_coverage AS min_coverage,
  metering_point.role,
  metering_point.installed_on
FROM facts.interval_period
JOIN source.metering_point ON metering_point.metering_point_id = interval_period.metering_point_id
LEFT JOIN core.live_account ON live_account.account_id = metering_point.account_id
WHERE live_account.account_id IS NOT NULL OR metering_point.role IN ('area', 'line')
