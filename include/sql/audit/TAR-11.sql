/*
title: New account not read and billed
zh: 新立户当月未抄表收费
kind: exception
modes: [nightly]
subject: account
severity: high
flags: opened_on in P, live, and no active_total reading or no bill for P.
messages:
  en: "Opened on {opened_on}; readings for the month {readings}, bills {bills}."
  zh: "{opened_on} 立户，当月抄表 {readings} 次，账单 {bills} 张。"
*/
WITH opened AS (
  SELECT
    live_account.account_id,
    live_account.opened_on
  FROM core.live_account
  WHERE live_account.opened_on >= $period AND live_account.opened_on <= $period_end
),

read AS (
  SELECT
    metering_point.account_id,
    COUNT(*) AS readings
  FROM opened
  JOIN source.metering_point ON metering_point.account_id = opened.account_id
  JOIN source.register_reading ON register_reading.metering_point_id = metering_point.metering_point_id
  WHERE register_reading.period = $period AND register_reading.register = 'active_total'
  GROUP BY metering_point.account_id
)

SELECT
  opened.account_id AS subject_id,
  opened.account_id,
  read.account_id IS NULL OR bill_net.account_id IS NULL AS flagged,
  opened.opened_on,
  COALESCE(read.readings, 0) AS readings,
  COALESCE(bill_net.bills, 0) AS bills
FROM opened
LEFT JOIN read ON read.account_id = opened.account_id
LEFT JOIN facts.bill_net ON bill_net.account_id = opened.account_id AND bill_net.period = $period
