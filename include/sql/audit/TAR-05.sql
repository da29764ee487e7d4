/*
title: Zero for long
zh: 电量电费长期为零
flags_zh: 在用且未暂停的账户，截至审核月最近 min_periods 个月均已出账且计费电量均为零。
what_to_do:
  en: >-
    See on site whether the premises are used and the meter runs; agree on a suspension or closing where
    they are empty.
  zh: 现场核实是否用电、表计是否停走；确无用电的引导办理暂停或销户。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: month
proof: next
flags: >-
  live and not suspended, with net billed_kwh 0 in each of the last min_periods periods up to P, all billed.
params:
  min_periods: {type: integer, default: 6, minimum: 1, doc: Months on end without energy.}
messages:
  en: "No energy was billed for {zero_periods} months on end; from {min_periods} months it is looked into."
  zh: "已连续 {zero_periods} 个月计费电量为零，达到 {min_periods} 个月应核查。"
*/
WITH zero AS (
  SELECT
    bill_net.account_id,
    COUNT(*) AS zero_periods,
    MONEY(SUM(bill_net.total_amount)) AS total_amount
  FROM facts.bill_net
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = bill_net.account_id
  LEFT JOIN facts.cycle_period
    ON cycle_period.account_id = bill_net.account_id AND cycle_period.period = bill_net.period
  WHERE
    bill_net.billed_kwh = 0
    AND bill_net.period <= $period
    AND (
      (billing_cycle.account_id IS NULL AND bill_net.period > ADD_MONTHS($period, -$min_periods))
      OR cycle_period.billed_no < $min_periods
    )
  GROUP BY bill_net.account_id
)

SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  COALESCE(zero.zero_periods, 0) >= $min_periods AS flagged,
  zero.zero_periods,
  $min_periods AS min_periods,
  zero.total_amount AS billed_amount,
  $period AS last_period
FROM core.live_account
LEFT JOIN facts.suspension_period
  ON suspension_period.account_id = live_account.account_id AND suspension_period.period = $period
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = live_account.account_id
LEFT JOIN zero ON zero.account_id = live_account.account_id
WHERE suspension_period.account_id IS NULL AND COALESCE(billing_cycle.is_due, TRUE)
