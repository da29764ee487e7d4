/*
grain: one row a root bill with an amount to pay (corrections added to it)
key: [root_bill_id]
purpose: >-
  When each bill was paid in full, which grading, payment behaviour and the arrears model all read. Payments
  settle the bill they name. Where an account also pays without naming a bill (prepaid), all its payments
  settle its bills in the order of their due dates.
columns:
  root_bill_id: {type: string, doc: The first bill.}
  account_id: {type: string, doc: The supply account.}
  period: {type: date, doc: Billing month.}
  due_on: {type: date, doc: Due date of the first bill.}
  amount: {type: decimal, doc: 'Amount to pay, corrections included; bills of 0 or less are left out.'}
  settled_on: {type: date, doc: The day on which the payments reached the amount; empty while they do not.}
params:
  history_months: {type: integer, default: 26, minimum: 13, maximum: 120, doc: Bills of so many months before P are read.}
*/
WITH root AS (
  SELECT c.root_bill_id, b.bill_id, b.account_id, b.period, b.due_on, b.total_amount
  FROM source.bill AS b
  JOIN facts.bill_chain AS c ON c.bill_id = b.bill_id
  WHERE b.period >= CAST(ADD_MONTHS($period, -$history_months) AS DATE)
),
due AS (
  SELECT r.root_bill_id,
         MIN(r.account_id) AS account_id,
         MIN(r.period) AS period,
         MIN(r.due_on) FILTER (WHERE r.bill_id = r.root_bill_id) AS due_on,
         SUM(r.total_amount) AS amount
  FROM root AS r
  GROUP BY r.root_bill_id
  HAVING SUM(r.total_amount) > 0
),
unnamed AS (
  SELECT DISTINCT p.account_id FROM source.payment AS p WHERE p.bill_id IS NULL
),
named_cumulated AS (
  SELECT r.root_bill_id,
         CAST(p.received_at AS DATE) AS paid_on,
         SUM(p.amount) OVER (PARTITION BY r.root_bill_id ORDER BY p.received_at, p.payment_id
                             ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS paid
  FROM source.payment AS p
  JOIN root AS r ON r.bill_id = p.bill_id
),
named_settled AS (
  SELECT d.root_bill_id, MIN(c.paid_on) AS settled_on
  FROM due AS d
  JOIN named_cumulated AS c ON c.root_bill_id = d.root_bill_id AND c.paid >= d.amount
  GROUP BY d.root_bill_id
),
owed_in_order AS (
  SELECT d.root_bill_id, d.account_id,
         SUM(d.amount) OVER (PARTITION BY d.account_id ORDER BY d.due_on NULLS LAST, d.root_bill_id
                             ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS owed
  FROM due AS d
  JOIN unnamed AS u ON u.account_id = d.account_id
),
paid_in_order AS (
  SELECT p.account_id, CAST(p.received_at AS DATE) AS paid_on,
         SUM(p.amount) OVER (PARTITION BY p.account_id ORDER BY p.received_at, p.payment_id
                             ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS paid
  FROM source.payment AS p
  JOIN unnamed AS u ON u.account_id = p.account_id
  WHERE p.received_at >= CAST(CAST(ADD_MONTHS($period, -$history_months) AS DATE) AS TIMESTAMPTZ)
),
ordered_settled AS (
  SELECT o.root_bill_id, MIN(p.paid_on) AS settled_on
  FROM owed_in_order AS o
  JOIN paid_in_order AS p ON p.account_id = o.account_id AND p.paid >= o.owed
  GROUP BY o.root_bill_id
)
SELECT d.root_bill_id,
       d.account_id,
       d.period,
       d.due_on,
       CAST(d.amount AS DECIMAL(18,2)) AS amount,
       CASE WHEN u.account_id IS NULL THEN n.settled_on ELSE o.settled_on END AS settled_on
FROM due AS d
LEFT JOIN unnamed AS u ON u.account_id = d.account_id
LEFT JOIN named_settled AS n ON n.root_bill_id = d.root_bill_id
LEFT JOIN ordered_settled AS o ON o.root_bill_id = d.root_bill_id
