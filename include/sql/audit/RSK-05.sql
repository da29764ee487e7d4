/*
title: Short-lived supply on credit
zh: 短期项目后付费风险
flags_zh: 在用临时用电账户不是预付费，立户以来（最多 6 个月）月均电费高于 min_amount。
what_to_do:
  en: Change the account to prepayment, or ask for a security.
  zh: 改为预付费结算，或要求提供担保。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: state
proof: same
moves: [mean_monthly_amount, periods]
flags: >-
  is_temporary, live, payment_method not prepaid, and mean monthly net total of the periods since opening (up to 6) above
  min_amount.
params:
  min_amount: {type: number, default: 5000, minimum: 0, doc: Mean month that is a risk.}
messages:
  en:
    - "The temporary account is not on prepayment (it pays by {payment_method}) and is billed {mean_monthly_amount} a month; above {min_amount} prepayment is required."
    - "The temporary account is not on prepayment and is billed {mean_monthly_amount} a month; above {min_amount} prepayment is required."
  zh:
    - "临时用电账户付款方式为{payment_method}，月均电费 {mean_monthly_amount} 元，超过 {min_amount} 元的应预付费。"
    - "临时用电账户未实行预付费，月均电费 {mean_monthly_amount} 元，超过 {min_amount} 元的应预付费。"
*/
WITH recent AS (
  SELECT
    live_account.account_id,
    COUNT(*) AS periods,
    RATIO(SUM(bill_net.total_amount), COUNT(*) * COALESCE(MIN(billing_cycle.billing_months), 1))
      AS mean_monthly_amount
  FROM core.live_account
  JOIN facts.bill_net ON bill_net.account_id = live_account.account_id
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = live_account.account_id
  LEFT JOIN facts.cycle_period
    ON cycle_period.account_id = bill_net.account_id AND cycle_period.period = bill_net.period
  WHERE
    live_account.is_temporary
    AND bill_net.period >= MONTH_OF(live_account.opened_on)
    AND bill_net.period <= $period
    AND (
      (billing_cycle.account_id IS NULL AND bill_net.period > ADD_MONTHS($period, -6))
      OR cycle_period.recent_no <= 6
    )
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
