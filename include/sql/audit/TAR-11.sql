/*
title: New account not read and billed
zh: 新立户当月未抄表收费
flags_zh: 审核月内立户的在用账户（按月出账），当月没有有功总抄表记录或没有账单。
what_to_do:
  en: Read the meter, bill the first month, and put the account into its reading area.
  zh: 补抄并补出首月账单，将账户编入抄表段。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: month
proof: same
effect_of: [TAR-17]
flags: opened_on in P, live, billing_months empty or 1, and no active_total reading or no bill for P.
messages:
  en: "The account was opened on {opened_on}; the month has {readings} readings and {bills} bills, and at least one of each is due."
  zh: "账户于 {opened_on} 立户，当月抄表 {readings} 次、账单 {bills} 张，均应至少 1 次（张）。"
*/
WITH opened AS (
  SELECT
    live_account.account_id,
    live_account.opened_on
  FROM core.live_account
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = live_account.account_id
  WHERE
    live_account.opened_on >= $period
    AND live_account.opened_on <= $period_end
    AND billing_cycle.account_id IS NULL
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
