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
  days_late: {type: integer, doc: 'Of the bill that was latest, each against its own due date: days to its settlement, or to as_of while more than 0.01 is open (facts.bill_late); 0 where none is late.'}
  overdue_amount: {type: decimal, doc: What is open of the bills due before as_of.}
*/
WITH paid AS (
  SELECT p.account_id,
         p.period,
         SUM(p.paid_amount) AS paid_amount,
         COALESCE(MIN(CASE WHEN NOT p.is_correction THEN p.due_on END), MIN(p.due_on)) AS due_on
  FROM facts.bill_paid AS p
  GROUP BY p.account_id, p.period
),
late AS (
  SELECT l.account_id, l.period, MAX(l.days_late) AS days_late, SUM(l.overdue_amount) AS overdue_amount
  FROM facts.bill_late AS l
  GROUP BY l.account_id, l.period
)
SELECT n.account_id,
       n.period,
       n.billed_kwh,
       n.total_amount,
       MONEY(p.paid_amount) AS paid_amount,
       MONEY(n.total_amount - p.paid_amount) AS unpaid_amount,
       p.due_on,
       l.days_late,
       MONEY(l.overdue_amount) AS overdue_amount
FROM facts.bill_net AS n
JOIN paid AS p ON p.account_id = n.account_id AND p.period = n.period
JOIN late AS l ON l.account_id = n.account_id AND l.period = n.period
