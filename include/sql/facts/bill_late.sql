/*
grain: one row a bill
key: [bill_id]
purpose: >-
  When each bill was paid, by its own payments against its own due date. A credit is taken off the bill that it corrects; what is
  left of credits, or was paid on a bill beyond its amount, covers the other bills of the month and their corrections, the earliest
  due first. At most 0.01 may stay open.
columns:
  bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of its month.}
  due_on: {type: date, doc: Its own last day to pay.}
  amount: {type: decimal, doc: 'Its total less the credits that correct it; 0 for a credit.'}
  paid_amount: {type: decimal, doc: Payments that name it.}
  unpaid_amount: {type: decimal, doc: 'What of amount is open, 0 where that is at most 0.01.'}
  settled_on: {type: date, doc: 'Local day on which the payments reached the amount; empty while it is open, and where credits cover it.'}
  days_late: {type: integer, doc: 'Days from due_on to settled_on, or to as_of while it is open; 0 where it is not late.'}
  overdue_amount: {type: decimal, doc: 'unpaid_amount of a bill due before as_of, else 0.'}
*/
WITH moved AS (
  SELECT c.correction_bill_id AS bill_id, r.period
  FROM facts.bill_correction AS c
  JOIN source.bill AS r ON r.bill_id = c.bill_id
  WHERE c.is_root
),
placed AS (
  SELECT p.bill_id, p.account_id, p.period, p.due_on, p.total_amount, p.payments, p.paid_amount, p.last_paid_on,
         COALESCE(m.period, p.period) AS root_period
  FROM facts.bill_paid AS p
  LEFT JOIN moved AS m ON m.bill_id = p.bill_id
),
-- Nearly all months have one bill, which nothing else can cover: only the others are worth a window.
several AS (
  SELECT p.account_id, p.root_period
  FROM placed AS p
  GROUP BY p.account_id, p.root_period
  HAVING COUNT(*) > 1
),
credited AS (
  SELECT c.bill_id, SUM(p.paid_amount - p.total_amount) AS credit_amount
  FROM facts.bill_correction AS c
  JOIN facts.bill_paid AS p ON p.bill_id = c.correction_bill_id
  WHERE c.steps = 1 AND p.total_amount < 0 AND p.paid_amount > p.total_amount
  GROUP BY c.bill_id
),
balanced AS (
  SELECT p.bill_id, p.account_id, p.root_period, p.due_on, p.last_paid_on, p.total_amount,
         CASE WHEN p.total_amount > 0 THEN LEAST(p.total_amount, COALESCE(c.credit_amount, 0)) ELSE 0 END AS credit_amount,
         p.total_amount - p.paid_amount
           - CASE WHEN p.total_amount > 0 THEN LEAST(p.total_amount, COALESCE(c.credit_amount, 0)) ELSE 0 END AS balance_amount
  FROM placed AS p
  JOIN several AS s ON s.account_id = p.account_id AND s.root_period = p.root_period
  LEFT JOIN credited AS c ON c.bill_id = p.bill_id
),
pooled AS (
  SELECT b.bill_id, b.credit_amount, b.balance_amount,
         SUM(GREATEST(b.balance_amount, 0)) OVER (PARTITION BY b.account_id, b.root_period ORDER BY b.due_on NULLS LAST, b.bill_id
                                                  ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
           - SUM(GREATEST(-b.balance_amount, 0) - b.credit_amount) OVER (PARTITION BY b.account_id, b.root_period) AS open_up_to_amount,
         MAX(CASE WHEN b.balance_amount < 0 AND b.total_amount > 0 THEN b.last_paid_on END)
           OVER (PARTITION BY b.account_id, b.root_period) AS covered_on
  FROM balanced AS b
),
judged AS (
  SELECT p.bill_id, p.account_id, p.period, p.due_on, p.payments, p.paid_amount, p.last_paid_on, o.covered_on,
         GREATEST(p.total_amount - COALESCE(o.credit_amount, 0), 0) AS amount,
         -- What others of the month do not cover is for the bill's own payments.
         GREATEST(p.total_amount - COALESCE(o.credit_amount, 0), 0)
           - COALESCE(GREATEST(o.balance_amount - GREATEST(o.open_up_to_amount, 0), 0), 0) AS own_amount,
         GREATEST(COALESCE(LEAST(o.balance_amount, o.open_up_to_amount), p.total_amount - p.paid_amount), 0) AS open_amount
  FROM placed AS p
  LEFT JOIN pooled AS o ON o.bill_id = p.bill_id
),
-- The same of payments: only where a bill was paid in several is each looked at in turn.
part AS (
  SELECT j.bill_id, j.own_amount, CAST(y.received_at AS DATE) AS paid_on,
         SUM(y.amount) OVER (PARTITION BY y.bill_id ORDER BY y.received_at, y.payment_id
                             ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS paid_amount
  FROM judged AS j
  JOIN source.payment AS y ON y.bill_id = j.bill_id
  WHERE j.payments > 1 AND j.open_amount <= 0.01
),
reached AS (
  SELECT p.bill_id, MIN(p.paid_on) AS paid_on
  FROM part AS p
  WHERE p.own_amount - p.paid_amount <= 0.01
  GROUP BY p.bill_id
),
settled AS (
  SELECT j.bill_id, j.account_id, j.period, j.due_on, j.amount, j.paid_amount,
         CASE WHEN j.open_amount > 0.01 THEN j.open_amount ELSE 0 END AS unpaid_amount,
         CASE WHEN j.open_amount > 0.01 OR j.amount = 0 THEN NULL
              WHEN j.own_amount > 0.01 AND j.own_amount < j.amount THEN GREATEST(COALESCE(r.paid_on, j.last_paid_on), COALESCE(j.covered_on, r.paid_on, j.last_paid_on))
              WHEN j.own_amount > 0.01 THEN COALESCE(r.paid_on, j.last_paid_on)
              ELSE j.covered_on END AS settled_on
  FROM judged AS j
  LEFT JOIN reached AS r ON r.bill_id = j.bill_id
)
SELECT s.bill_id,
       s.account_id,
       s.period,
       s.due_on,
       MONEY(s.amount) AS amount,
       s.paid_amount,
       MONEY(s.unpaid_amount) AS unpaid_amount,
       s.settled_on,
       CASE WHEN s.unpaid_amount > 0 AND s.due_on < $as_of THEN DATE_DIFF('day', s.due_on, $as_of)
            WHEN s.settled_on > s.due_on THEN DATE_DIFF('day', s.due_on, s.settled_on)
            ELSE 0 END AS days_late,
       MONEY(CASE WHEN s.due_on < $as_of THEN s.unpaid_amount ELSE 0 END) AS overdue_amount
FROM settled AS s
