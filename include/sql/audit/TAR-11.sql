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
  SELECT a.account_id, a.opened_on
  FROM core.live_account AS a
  WHERE a.opened_on >= $period AND a.opened_on <= $period_end
),
read AS (
  SELECT p.account_id, COUNT(*) AS readings
  FROM opened AS o
  JOIN source.metering_point AS p ON p.account_id = o.account_id
  JOIN source.register_reading AS r ON r.metering_point_id = p.metering_point_id
  WHERE r.period = $period AND r.register = 'active_total'
  GROUP BY p.account_id
)
SELECT o.account_id AS subject_id,
       o.account_id,
       r.account_id IS NULL OR n.account_id IS NULL AS flagged,
       o.opened_on,
       COALESCE(r.readings, 0) AS readings,
       COALESCE(n.bills, 0) AS bills
FROM opened AS o
LEFT JOIN read AS r ON r.account_id = o.account_id
LEFT JOIN facts.bill_net AS n ON n.account_id = o.account_id AND n.period = $period
