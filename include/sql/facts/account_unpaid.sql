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
         RATIO(SUM(n.total_amount) FILTER (WHERE n.period <= $period AND n.period > ADD_MONTHS($period, -6)), COUNT(*) FILTER (WHERE n.period <= $period AND n.period > ADD_MONTHS($period, -6))) AS mean_monthly_amount
  FROM facts.bill_net AS n
  GROUP BY n.account_id
),
paid AS (
  SELECT p.account_id, SUM(p.paid_amount) AS paid_amount
  FROM facts.bill_paid AS p
  GROUP BY p.account_id
)
SELECT b.account_id,
       MONEY(b.billed_amount) AS billed_amount,
       MONEY(COALESCE(p.paid_amount, 0)) AS paid_amount,
       MONEY(b.billed_amount - COALESCE(p.paid_amount, 0)) AS unpaid_amount,
       b.mean_monthly_amount
FROM billed AS b
LEFT JOIN paid AS p ON p.account_id = b.account_id
