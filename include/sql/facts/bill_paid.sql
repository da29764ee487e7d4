/*
grain: one row per bill
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
  SELECT
    payment.bill_id,
    COUNT(*) AS payments,
    SUM(payment.amount) AS paid_amount,
    MAX(payment.received_at) AS last_paid_at
  FROM source.payment
  WHERE payment.bill_id IS NOT NULL
  GROUP BY payment.bill_id
)

SELECT
  bill.bill_id,
  bill.account_id,
  bill.period,
  bill.due_on,
  bill.corrects_bill_id IS NOT NULL AS is_correction,
  bill.total_amount,
  COALESCE(paid.payments, 0) AS payments,
  MONEY(COALESCE(paid.paid_amount, 0)) AS paid_amount,
  CAST(paid.last_paid_at AS DATE) AS last_paid_on
FROM source.bill
LEFT JOIN paid ON paid.bill_id = bill.bill_id
