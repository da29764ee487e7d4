/*
grain: one row a bill
key: [bill_id]
purpose: What was paid on a bill itself, corrections apart.
columns:
  bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of its month.}
  due_on: {type: date, doc: Last day to pay.}
  is_correction: {type: boolean, doc: It names a bill that it corrects.}
  total_amount: {type: decimal, doc: Its total; negative where it gives back.}
  payments: {type: integer, doc: Payments that name it.}
  paid_amount: {type: decimal, doc: Their sum, 0 where there is none.}
  last_paid_on: {type: date, doc: Local day of the last of them.}
*/
WITH paid AS (
  SELECT p.bill_id, COUNT(*) AS payments, SUM(p.amount) AS paid_amount, MAX(p.received_at) AS last_paid_at
  FROM source.payment AS p
  WHERE p.bill_id IS NOT NULL
  GROUP BY p.bill_id
)
SELECT b.bill_id,
       b.account_id,
       b.period,
       b.due_on,
       b.corrects_bill_id IS NOT NULL AS is_correction,
       b.total_amount,
       COALESCE(p.payments, 0) AS payments,
       MONEY(COALESCE(p.paid_amount, 0)) AS paid_amount,
       CAST(p.last_paid_at AS DATE) AS last_paid_on
FROM source.bill AS b
LEFT JOIN paid AS p ON p.bill_id = b.bill_id
