/*
grain: one row a bill with an amount to pay, credits that correct it taken off; a correction that asks for more is one of its own
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
  SELECT DISTINCT p.account_id FROM source.payment AS p WHERE p.bill_id IS NULL
),
due AS (
  SELECT l.bill_id, l.account_id, l.period, l.due_on, l.amount, l.unpaid_amount, l.settled_on, u.account_id IS NOT NULL AS is_in_order
  FROM facts.bill_late AS l
  LEFT JOIN unnamed AS u ON u.account_id = l.account_id
  WHERE l.amount > 0 AND l.period >= ADD_MONTHS($period, -$history_months)
),
owed_in_order AS (
  SELECT d.bill_id, d.account_id,
         SUM(d.amount) OVER (PARTITION BY d.account_id ORDER BY d.due_on NULLS LAST, d.bill_id
                             ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS owed
  FROM due AS d
  WHERE d.is_in_order
),
paid_in_order AS (
  SELECT p.account_id, CAST(p.received_at AS DATE) AS paid_on,
         SUM(p.amount) OVER (PARTITION BY p.account_id ORDER BY p.received_at, p.payment_id
                             ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS paid
  FROM source.payment AS p
  JOIN unnamed AS u ON u.account_id = p.account_id
  WHERE p.received_at >= CAST(ADD_MONTHS($period, -$history_months) AS TIMESTAMPTZ)
),
order_settled AS (
  SELECT o.bill_id, MIN(p.paid_on) AS settled_on
  FROM owed_in_order AS o
  JOIN paid_in_order AS p ON p.account_id = o.account_id AND p.paid >= o.owed
  GROUP BY o.bill_id
)
SELECT d.bill_id,
       d.account_id,
       d.period,
       d.due_on,
       d.amount,
       -- What credits cover was never late.
       CASE WHEN d.is_in_order THEN o.settled_on
            WHEN d.unpaid_amount = 0 THEN COALESCE(d.settled_on, d.due_on) END AS settled_on
FROM due AS d
LEFT JOIN order_settled AS o ON o.bill_id = d.bill_id
