/*
grain: one row an account and billed month
key: [account_id, period]
purpose: What an account was billed for a month and how it was paid, corrections included.
columns:
  account_id: {type: string, doc: The supply account.}
  period: {type: date, doc: First day of the billed month.}
  billed_kwh: {type: double, doc: Net billed energy in kWh.}
  total_amount: {type: decimal, doc: Net total of the month's bills.}
  paid_amount: {type: decimal, doc: Payments of the month's bills.}
  unpaid_amount: {type: decimal, doc: Total less paid; negative is a credit.}
  due_on: {type: date, doc: Due date of the month's bill; the earliest where there are several.}
  days_late: {type: integer, doc: 'Days from the due date to the last payment, or to as_of where more than 0.01 is open; 0 where it is not late.'}
*/
WITH paid AS (
  SELECT p.account_id,
         p.period,
         SUM(p.paid_amount) AS paid_amount,
         MAX(p.last_paid_on) AS last_paid_on,
         COALESCE(MIN(CASE WHEN NOT p.is_correction THEN p.due_on END), MIN(p.due_on)) AS due_on
  FROM facts.bill_paid AS p
  GROUP BY p.account_id, p.period
),
joined AS (
  SELECT n.account_id,
         n.period,
         n.billed_kwh,
         n.total_amount,
         CAST(p.paid_amount AS DECIMAL(18, 2)) AS paid_amount,
         CAST(n.total_amount - p.paid_amount AS DECIMAL(18, 2)) AS unpaid_amount,
         p.due_on,
         CASE WHEN n.total_amount - p.paid_amount > 0.01 THEN $as_of ELSE p.last_paid_on END AS settled_on
  FROM facts.bill_net AS n
  JOIN paid AS p ON p.account_id = n.account_id AND p.period = n.period
)
SELECT j.account_id,
       j.period,
       j.billed_kwh,
       j.total_amount,
       j.paid_amount,
       j.unpaid_amount,
       j.due_on,
       CASE WHEN j.settled_on > j.due_on THEN DATE_DIFF('day', j.due_on, j.settled_on) ELSE 0 END AS days_late
FROM joined AS j
