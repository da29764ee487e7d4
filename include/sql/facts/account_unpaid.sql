/*
grain: one row an account with a bill
key: [account_id]
purpose: What an account owes over all its bills, and what it is billed in a month.
columns:
  account_id: {type: string, doc: The supply account.}
  billed_amount: {type: decimal, doc: Totals of all its bills.}
  paid_amount: {type: decimal, doc: 'The payments that name one of them; a payment that names no bill pays none.'}
  unpaid_amount: {type: decimal, doc: Billed less paid; negative is a credit.}
  mean_monthly_amount: {type: double, doc: Mean net total of the billed ones of the six months up to P; empty where there is none.}
*/
WITH billed AS (
  SELECT n.account_id,
         SUM(n.total_amount) AS billed_amount,
         CAST(SUM(n.total_amount) FILTER (WHERE n.period <= $period AND n.period > CAST(ADD_MONTHS($period, -6) AS DATE)) AS DOUBLE)
           / NULLIF(COUNT(*) FILTER (WHERE n.period <= $period AND n.period > CAST(ADD_MONTHS($period, -6) AS DATE)), 0) AS mean_monthly_amount
  FROM facts.bill_net AS n
  GROUP BY n.account_id
),
paid AS (
  SELECT p.account_id, SUM(p.paid_amount) AS paid_amount
  FROM facts.bill_paid AS p
  GROUP BY p.account_id
)
SELECT b.account_id,
       CAST(b.billed_amount AS DECIMAL(18, 2)) AS billed_amount,
       CAST(COALESCE(p.paid_amount, 0) AS DECIMAL(18, 2)) AS paid_amount,
       CAST(b.billed_amount - COALESCE(p.paid_amount, 0) AS DECIMAL(18, 2)) AS unpaid_amount,
       b.mean_monthly_amount
FROM billed AS b
LEFT JOIN paid AS p ON p.account_id = b.account_id
