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
  SELECT
    live_account.account_id,
    COUNT(*) AS periods,
    RATIO(SUM(bill_net.total_amount), COUNT(*)) AS mean_monthly_amount
  FROM core.live_account
  JOIN facts.bill_net ON bill_net.account_id = live_account.account_id
  WHERE
    live_account.is_temporary
    AND bill_net.period >= MONTH_OF(live_account.opened_on)
    AND bill_net.period > ADD_MONTHS($period, -6)
    AND bill_net.period <= $period
  GROUP BY live_account.account_id
)

SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  live_account.payment_method <> 'prepaid' AND ROUND(recent.mean_monthly_amount, 6) > $min_amount AS flagged,
  live_account.payment_method,
  recent.mean_monthly_amount,
  recent.periods,
  live_account.opened_on,
  $min_amount AS min_amount
FROM core.live_account
LEFT JOIN recent ON recent.account_id = live_account.account_id
WHERE live_account.is_temporary
