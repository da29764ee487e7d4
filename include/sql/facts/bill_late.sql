/*
grain: one row per bill
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
  SELECT
    bill_correction.correction_bill_id AS bill_id,
    bill.period
  FROM facts.bill_correction
  JOIN source.bill ON bill.bill_id = bill_correction.bill_id
  WHERE bill_correction.is_root
),

placed AS (
  SELECT
    bill_paid.bill_id,
    bill_paid.account_id,
    bill_paid.period,
    bill_paid.due_on,
    bill_paid.total_amount,
    bill_paid.payments,
    bill_paid.paid_amount,
    bill_paid.last_paid_on,
    COALESCE(moved.period, bill_paid.period) AS root_period
  FROM facts.bill_paid
  LEFT JOIN moved ON moved.bill_id = bill_paid.bill_id
),

-- Nearly all months have one bill, which nothing else can cover: only the others are worth a window.
several AS (
  SELECT
    placed.account_id,
    placed.root_period
  FROM placed
  GROUP BY placed.account_id, placed.root_period
  HAVING COUNT(*) > 1
),

credited AS (
  SELECT
    bill_correction.bill_id,
    SUM(bill_paid.paid_amount - bill_paid.total_amount) AS credit_amount
  FROM facts.bill_correction
  JOIN facts.bill_paid ON bill_paid.bill_id = bill_correction.correction_bill_id
  WHERE
    bill_correction.steps = 1
    AND bill_paid.total_amount < 0
    AND bill_paid.paid_amount > bill_paid.total_amount
  GROUP BY bill_correction.bill_id
),

balanced AS (
  SELECT
    placed.bill_id,
    placed.account_id,
    placed.root_period,
    placed.due_on,
    placed.last_paid_on,
    placed.total_amount,
    CASE
      WHEN placed.total_amount > 0 THEN LEAST(placed.total_amount, COALESCE(credited.credit_amount, 0)) ELSE 0
    END AS credit_amount,
    placed.total_amount - placed.paid_amount
    - CASE
      WHEN placed.total_amount > 0 THEN LEAST(placed.total_amount, COALESCE(credited.credit_amount, 0)) ELSE 0
    END AS balance_amount
  FROM placed
  JOIN several ON several.account_id = placed.account_id AND several.root_period = placed.root_period
  LEFT JOIN credited ON credited.bill_id = placed.bill_id
),

pooled AS (
  SELECT
    balanced.bill_id,
    balanced.credit_amount,
    balanced.balance_amount,
    SUM(GREATEST(balanced.balance_amount, 0))
      OVER (
        PARTITION BY balanced.account_id, balanced.root_period
        ORDER BY balanced.due_on NULLS LAST, balanced.bill_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      )
    - SUM(GREATEST(-balanced.balance_amount, 0) - balanced.credit_amount)
      OVER (PARTITION BY balanced.account_id, balanced.root_period)
      AS open_up_to_amount,
    MAX(CASE WHEN balanced.balance_amount < 0 AND balanced.total_amount > 0 THEN balanced.last_paid_on END)
      OVER (PARTITION BY balanced.account_id, balanced.root_period) AS covered_on
  FROM balanced
),

judged AS (
  SELECT
    placed.bill_id,
    placed.account_id,
    placed.period,
    placed.due_on,
    placed.payments,
    placed.paid_amount,
    placed.last_paid_on,
    pooled.covered_on,
    GREATEST(placed.total_amount - COALESCE(pooled.credit_amount, 0), 0) AS amount,
    -- What others of the month do not cover is for the bill's own payments.
    GREATEST(placed.total_amount - COALESCE(pooled.credit_amount, 0), 0)
    - COALESCE(GREATEST(pooled.balance_amount - GREATEST(pooled.open_up_to_amount, 0), 0), 0) AS own_amount,
    GREATEST(
      COALESCE(
        LEAST(pooled.balance_amount, pooled.open_up_to_amount), placed.total_amount - placed.paid_amount
      ),
      0
    ) AS open_amount
  FROM placed
  LEFT JOIN pooled ON pooled.bill_id = placed.bill_id
),

-- The same of payments: only where a bill was paid in several is each looked at in turn.
part AS (
  SELECT
    judged.bill_id,
    judged.own_amount,
    CAST(payment.received_at AS DATE) AS paid_on,
    SUM(payment.amount) OVER (
      PARTITION BY payment.bill_id ORDER BY payment.received_at, payment.payment_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS paid_amount
  FROM judged
  JOIN source.payment ON payment.bill_id = judged.bill_id
  WHERE judged.payments > 1 AND judged.open_amount <= 0.01
),

reached AS (
  SELECT
    part.bill_id,
    MIN(part.paid_on) AS paid_on
  FROM part
  WHERE part.own_amount - part.paid_amount <= 0.01
  GROUP BY part.bill_id
),

settled AS (
  SELECT
    judged.bill_id,
    judged.account_id,
    judged.period,
    judged.due_on,
    judged.amount,
    judged.paid_amount,
    CASE WHEN judged.open_amount > 0.01 THEN judged.open_amount ELSE 0 END AS unpaid_amount,
    CASE
      WHEN judged.open_amount > 0.01 OR judged.amount = 0 THEN NULL
      WHEN
        judged.own_amount > 0.01 AND judged.own_amount < judged.amount
        THEN
          GREATEST(
            COALESCE(reached.paid_on, judged.last_paid_on),
            COALESCE(judged.covered_on, reached.paid_on, judged.last_paid_on)
          )
      WHEN judged.own_amount > 0.01 THEN COALESCE(reached.paid_on, judged.last_paid_on)
      ELSE judged.covered_on
    END AS settled_on
  FROM judged
  LEFT JOIN reached ON reached.bill_id = judged.bill_id
)

SELECT
  settled.bill_id,
  settled.account_id,
  settled.period,
  settled.due_on,
  MONEY(settled.amount) AS amount,
  settled.paid_amount,
  MONEY(settled.unpaid_amount) AS unpaid_amount,
  settled.settled_on,
  CASE
    WHEN settled.unpaid_amount > 0 AND settled.due_on < $as_of THEN DATE_DIFF('day', settled.due_on, $as_of)
    WHEN settled.settled_on > settled.due_on THEN DATE_DIFF('day', settled.due_on, settled.settled_on)
    ELSE 0
  END AS days_late,
  MONEY(CASE WHEN settled.due_on < $as_of THEN settled.unpaid_amount ELSE 0 END) AS overdue_amount
FROM settled
