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
  SELECT n.account_id, COUNT(*) AS zero_periods, MONEY(SUM(n.total_amount)) AS total_amount
  FROM facts.bill_net AS n
  WHERE n.billed_kwh = 0 AND n.period > ADD_MONTHS($period, -$min_periods) AND n.period <= $period
  GROUP BY n.account_id
)
SELECT a.account_id AS subject_id,
       a.account_id,
       COALESCE(z.zero_periods, 0) >= $min_periods AS flagged,
       z.zero_periods,
       $min_periods AS min_periods,
       z.total_amount AS billed_amount,
       $period AS last_period
FROM core.live_account AS a
LEFT JOIN facts.suspension_period AS s ON s.account_id = a.account_id AND s.period = $period
LEFT JOIN zero AS z ON z.account_id = a.account_id
WHERE s.account_id IS NULL
