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
WITH chain AS (
  SELECT c.bill_id AS root_bill_id, c.correction_bill_id
  FROM facts.bill_correction AS c
  WHERE c.is_root
),
corrected AS (
  SELECT c.root_bill_id, SUM(b.total_amount) AS amount
  FROM chain AS c
  JOIN source.bill AS b ON b.bill_id = c.correction_bill_id
  GROUP BY c.root_bill_id
),
unnamed AS (
  SELECT DISTINCT p.account_id FROM source.payment AS p WHERE p.bill_id IS NULL
),
named AS (
  SELECT COALESCE(c.root_bill_id, p.bill_id) AS root_bill_id,
         COUNT(*) AS payments,
         SUM(p.amount) AS paid,
         MAX(CAST(p.received_at AS DATE)) AS last_paid_on
  FROM source.payment AS p
  LEFT JOIN chain AS c ON c.correction_bill_id = p.bill_id
  WHERE p.bill_id IS NOT NULL
  GROUP BY COALESCE(c.root_bill_id, p.bill_id)
),
root AS (
  SELECT b.bill_id AS root_bill_id, b.account_id, b.period, b.due_on, b.total_amount + COALESCE(c.amount, 0) AS amount
  FROM source.bill AS b
  LEFT JOIN corrected AS c ON c.root_bill_id = b.bill_id
  LEFT JOIN chain AS r ON r.correction_bill_id = b.bill_id
  WHERE r.correction_bill_id IS NULL AND b.period >= CAST(ADD_MONTHS($period, -$history_months) AS DATE)
),
due AS (
  SELECT r.root_bill_id, r.account_id, r.period, r.due_on, r.amount,
         u.account_id IS NOT NULL AS is_in_order,
         COALESCE(n.payments, 0) AS payments, n.paid, n.last_paid_on
  FROM root AS r
  LEFT JOIN named AS n ON n.root_bill_id = r.root_bill_id
  LEFT JOIN unnamed AS u ON u.account_id = r.account_id
  WHERE r.amount > 0
),
-- Nearly all bills are paid once: only for the others is it worth while to look at each payment in turn.
part AS (
  SELECT d.root_bill_id, d.amount, d.bill_id
  FROM (
    SELECT r.root_bill_id, r.amount, r.root_bill_id AS bill_id FROM due AS r WHERE r.payments > 1 AND NOT r.is_in_order
    UNION ALL
    SELECT r.root_bill_id, r.amount, c.correction_bill_id AS bill_id
    FROM due AS r
    JOIN chain AS c ON c.root_bill_id = r.root_bill_id
    WHERE r.payments > 1 AND NOT r.is_in_order
  ) AS d
),
part_cumulated AS (
  SELECT b.root_bill_id, b.amount, CAST(p.received_at AS DATE) AS paid_on,
         SUM(p.amount) OVER (PARTITION BY b.root_bill_id ORDER BY p.received_at, p.payment_id
                             ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS paid
  FROM part AS b
  JOIN source.payment AS p ON p.bill_id = b.bill_id
),
part_settled AS (
  SELECT c.root_bill_id, MIN(c.paid_on) AS settled_on
  FROM part_cumulated AS c
  WHERE c.paid >= c.amount
  GROUP BY c.root_bill_id
),
owed_in_order AS (
  SELECT d.root_bill_id, d.account_id,
         SUM(d.amount) OVER (PARTITION BY d.account_id ORDER BY d.due_on NULLS LAST, d.root_bill_id
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
  WHERE p.received_at >= CAST(CAST(ADD_MONTHS($period, -$history_months) AS DATE) AS TIMESTAMPTZ)
),
order_settled AS (
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
       CASE WHEN d.is_in_order THEN o.settled_on
            WHEN d.payments > 1 THEN s.settled_on
            WHEN d.paid >= d.amount THEN d.last_paid_on END AS settled_on
FROM due AS d
LEFT JOIN part_settled AS s ON s.root_bill_id = d.root_bill_id
LEFT JOIN order_settled AS o ON o.root_bill_id = d.root_bill_id
