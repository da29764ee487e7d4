/*
grain: one row per account and month at whose end something is owed, or with a bill of it
key: [period, row_id]
purpose: >-
  What accounts owe at the end of a month on bills issued up to then, less payments received up to then, in days of the
  month's billing.
view: true
title: Days of billing that are outstanding
zh: 应收余额天数
post: collection
better: low
form: days
rules: [COL-03]
params:
  standard: {type: number, default: 15, doc: Value that scores 100.}
  floor: {type: number, default: 60, doc: Value that scores 0.}
  weight: {type: number, default: 1, minimum: 0, doc: What its score weighs in the composite.}
*/
WITH moved AS (
  SELECT
    bill.account_id,
    MONTH_OF(bill.issued_at) AS period,
    bill.total_amount AS amount
  FROM source.bill
  UNION ALL
  SELECT
    COALESCE(bill.account_id, payment.account_id) AS account_id,
    MONTH_OF(payment.received_at) AS period,
    -payment.amount AS amount
  FROM source.payment
  LEFT JOIN source.bill ON bill.bill_id = payment.bill_id
),

monthly AS (
  SELECT
    moved.account_id,
    GREATEST(moved.period, ADD_MONTHS($period, -11)) AS period,
    SUM(moved.amount) AS amount
  FROM moved
  WHERE moved.period <= $period
  GROUP BY moved.account_id, GREATEST(moved.period, ADD_MONTHS($period, -11))
),

known AS (
  SELECT monthly.account_id FROM monthly
  UNION
  -- The bill of a month may be issued after it, and be the account's first.
  SELECT bill_net.account_id
  FROM facts.bill_net
  JOIN core.audited_month ON audited_month.period = bill_net.period
),

balance AS (
  SELECT
    known.account_id,
    audited_month.period,
    audited_month.period_end,
    SUM(monthly.amount) OVER (
      PARTITION BY known.account_id ORDER BY audited_month.period
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS amount
  FROM known
  CROSS JOIN core.audited_month
  LEFT JOIN monthly ON monthly.account_id = known.account_id AND monthly.period = audited_month.period
)

SELECT
  balance.period,
  balance.account_id AS row_id,
  account.org_unit_id,
  CAST(NULL AS VARCHAR) AS staff_id,
  balance.account_id AS row_key,
  GREATEST(COALESCE(balance.amount, 0), 0) AS numerator,
  RATIO(bill_net.total_amount, EXTRACT(DAY FROM balance.period_end)) AS denominator
FROM balance
LEFT JOIN facts.bill_net ON bill_net.account_id = balance.account_id AND bill_net.period = balance.period
LEFT JOIN source.account ON account.account_id = balance.account_id
WHERE balance.amount > 0 OR bill_net.account_id IS NOT NULL
