/*
grain: one row per bill with an amount to pay, credits that correct it taken off; a correction that asks for more is one of its own
key: [bill_id]
purpose: >-
  When each bill was paid in full, which grading, payment behaviour and the arrears model all read. Payments
  settle the bill they name (facts.bill_late). Where an account also pays without naming a bill (prepaid), all its payments
  settle its bills in the order of their due dates.
columns:
  bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: The supply account.}
  period: {type: date, doc: Billing month.}
  due_on: {type: date, doc: Its own due date.}
  amount: {type: decimal, doc: 'Amount to pay; bills of 0 or less are left out.'}
  settled_on: {type: date, doc: The day on which the payments reached the amount; empty while they do not.}
params:
  history_months: {type: integer, default: 26, minimum: 13, maximum: 120, doc: Bills of so many months before P are read.}
*/
WITH unnamed AS (
  SELECT DISTINCT payment.account_id FROM source.payment WHERE payment.bill_id IS NULL
),

due AS (
  SELECT
    bill_late.bill_id,
    bill_late.account_id,
    bill_late.period,
    bill_late.due_on,
    bill_late.amount,
    bill_late.unpaid_amount,
    bill_late.settled_on,
    unnamed.account_id IS NOT NULL AS is_in_order
  FROM facts.bill_late
  LEFT JOIN unnamed ON unnamed.account_id = bill_late.account_id
  WHERE bill_late.amount > 0 AND bill_late.period >= ADD_MONTHS($period, -$history_months)
),

owed_in_order AS (
  SELECT
    due.bill_id,
    due.account_id,
    SUM(due.amount) OVER (
      PARTITION BY due.account_id ORDER BY due.due_on NULLS LAST, due.bill_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS owed
  FROM due
  WHERE due.is_in_order
),

paid_in_order AS (
  SELECT
    payment.account_id,
    CAST(payment.received_at AS DATE) AS paid_on,
    SUM(payment.amount) OVER (
      PARTITION BY payment.account_id ORDER BY payment.received_at, payment.payment_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS paid
  FROM source.payment
  JOIN unnamed ON unnamed.account_id = payment.account_id
  WHERE payment.received_at >= CAST(ADD_MONTHS($period, -$history_months) AS TIMESTAMPTZ)
),

order_settled AS (
  SELECT
    owed_in_order.bill_id,
    MIN(paid_in_order.paid_on) AS settled_on
  FROM owed_in_order
  JOIN paid_in_order
    ON paid_in_order.account_id = owed_in_order.account_id AND paid_in_order.paid >= owed_in_order.owed
  GROUP BY owed_in_order.bill_id
)

SELECT
  due.bill_id,
  due.account_id,
  due.period,
  due.due_on,
  due.amount,
  -- What credits cover was never late.
  CASE
    WHEN due.is_in_order THEN order_settled.settled_on
    WHEN due.unpaid_amount = 0 THEN COALESCE(due.settled_on, due.due_on)
  END AS settled_on
FROM due
LEFT JOIN order_settled ON order_settled.bill_id = due.bill_id
