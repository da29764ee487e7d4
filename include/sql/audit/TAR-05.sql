/*
title: Zero for long
zh: 电量电费长期为零
kind: exception
modes: [nightly]
subject: account
severity: medium
flags: >-
  live and not suspended, with net billed_kwh 0 in each of the last min_periods periods up to P, all billed.
params:
  min_periods: {type: integer, default: 6, minimum: 1, doc: Months on end without energy.}
messages:
  en: "No energy was billed for {zero_periods} months on end."
  zh: "已连续 {zero_periods} 个月计费电量为零。"
*/
WITH zero AS (
  SELECT
    bill_net.account_id,
    COUNT(*) AS zero_periods,
    MONEY(SUM(bill_net.total_amount)) AS total_amount
  FROM facts.bill_net
  WHERE
    bill_net.billed_kwh = 0
    AND bill_net.period > ADD_MONTHS($period, -$min_periods)
    AND bill_net.period <= $period
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
LEFT JOIN zero ON zero.account_id = live_account.account_id
WHERE suspension_period.account_id IS NULL
