/*
title: Short-lived supply on credit
zh: 短期项目后付费风险
kind: exception
modes: [nightly]
subject: account
severity: medium
flags: >-
  is_temporary, live, payment_method not prepaid, and mean monthly net total of the periods since opening (up to 6) above
  min_amount.
params:
  min_amount: {type: number, default: 5000, minimum: 0, doc: Mean month that is a risk.}
messages:
  en: "A temporary supply paid by {payment_method} is billed {mean_monthly_amount} a month."
  zh: "临时用电客户付费方式为 {payment_method}，月均电费 {mean_monthly_amount} 元。"
*/
WITH recent AS (
  SELECT a.account_id,
         COUNT(*) AS periods,
         RATIO(SUM(n.total_amount), COUNT(*)) AS mean_monthly_amount
  FROM core.live_account AS a
  JOIN facts.bill_net AS n ON n.account_id = a.account_id
  WHERE a.is_temporary
    AND n.period >= MONTH_OF(a.opened_on)
    AND n.period > ADD_MONTHS($period, -6)
    AND n.period <= $period
  GROUP BY a.account_id
)
SELECT a.account_id AS subject_id,
       a.account_id,
       a.payment_method <> 'prepaid' AND ROUND(r.mean_monthly_amount, 6) > $min_amount AS flagged,
       a.payment_method,
       r.mean_monthly_amount,
       r.periods,
       a.opened_on,
       $min_amount AS min_amount
FROM core.live_account AS a
LEFT JOIN recent AS r ON r.account_id = a.account_id
WHERE a.is_temporary
