/*
title: Not read this period
zh: 未定期抄表
flags_zh: 审核月全月在用且应抄表的账户，其审核月前安装的主计量点没有当月有功总抄表记录。
what_to_do:
  en: >-
    Read the point and bill the month; where it cannot be reached, agree on an appointment or remote
    reading.
  zh: 补抄并计费；无法抄表的与客户预约或改为远程采集。
kind: exception
modes: [nightly]
subject: metering_point
severity: medium
judges: month
proof: next
flags: >-
  a main point, installed before P, of an account live on every day of P (opened on or before its first, not closed on or before
  its last) with no active_total reading for P; the account is due in P.
messages:
  en:
    - "The main point installed on {installed_on} has no reading for the month; every month is to be read."
    - "The main point has no reading for the month; every month is to be read."
  zh:
    - "主计量点（{installed_on} 安装）当月无抄表记录，应每期抄表。"
    - "主计量点当月无抄表记录，应每期抄表。"
*/
WITH read AS (
  SELECT register_reading.metering_point_id
  FROM source.register_reading
  WHERE register_reading.period = $period AND register_reading.register = 'active_total'
)

SELECT
  reading_due.metering_point_id AS subject_id,
  reading_due.account_id,
  read.metering_point_id IS NULL AS flagged,
  reading_due.installed_on,
  reading_due.opened_on,
  reading_due.closed_on,
  reading_due.reading_area_id,
  $period AS read_period
FROM facts.reading_due
LEFT JOIN read ON read.metering_point_id = reading_due.metering_point_id
WHERE reading_due.period = $period
