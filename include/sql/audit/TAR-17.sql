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
  SELECT register_reading.metering_point_id
  FROM source.register_reading
  WHERE register_reading.period = $period AND register_reading.register = 'active_total'
)

SELECT
  metering_point.metering_point_id AS subject_id,
  metering_point.account_id,
  read.metering_point_id IS NULL AS flagged,
  metering_point.installed_on,
  account.opened_on,
  account.closed_on,
  account.reading_area_id,
  $period AS read_period
FROM source.metering_point
JOIN source.account ON account.account_id = metering_point.account_id
LEFT JOIN read ON read.metering_point_id = metering_point.metering_point_id
WHERE
  metering_point.role = 'main'
  AND metering_point.installed_on < $period
  AND account.opened_on <= $period
  AND (account.closed_on IS NULL OR account.closed_on > $period_end)
  -- Who left after P was still live on each of its days.
  AND (
    account.status IN ('active', 'suspended')
    OR (account.status = 'closed' AND account.closed_on > $period_end)
  )
