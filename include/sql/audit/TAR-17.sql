/*
title: Not read this period
zh: 未定期抄表
kind: exception
modes: [nightly]
subject: metering_point
severity: medium
flags: >-
  a main point, installed before P, of an account live on every day of P (opened on or before its first, not closed on or before
  its last) with no active_total reading for P.
messages:
  en: "There is no reading for the month; the point was installed on {installed_on}."
  zh: "该计量点（{installed_on} 安装）本期无抄表记录。"
*/
WITH read AS (
  SELECT r.metering_point_id
  FROM source.register_reading AS r
  WHERE r.period = $period AND r.register = 'active_total'
)
SELECT p.metering_point_id AS subject_id,
       p.account_id,
       r.metering_point_id IS NULL AS flagged,
       p.installed_on,
       a.opened_on,
       a.closed_on,
       a.reading_area_id,
       $period AS read_period
FROM source.metering_point AS p
JOIN source.account AS a ON a.account_id = p.account_id
LEFT JOIN read AS r ON r.metering_point_id = p.metering_point_id
WHERE p.role = 'main'
  AND p.installed_on < $period
  AND a.opened_on <= $period
  AND (a.closed_on IS NULL OR a.closed_on > $period_end)
  -- Who left after P was still live on each of its days.
  AND (a.status IN ('active', 'suspended') OR (a.status = 'closed' AND a.closed_on > $period_end))
