/*
grain: one row per bill that corrects none, due in P or the eleven months before, whose net total with its corrections is above 0
key: [bill_id]
purpose: >-
  What was settled of a bill and its corrections, by all payments and by those received up to its due date, as facts.bill_settlement
  settles. What of an account's credits is left beyond all its bills is no part of it, since no more than the net total is settled.
columns:
  bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: Its account.}
  due_on: {type: date, doc: Its last day to pay.}
  net_amount: {type: decimal, doc: Its total with its corrections.}
  settled_amount: {type: decimal, doc: 'What is settled of it, from 0 to net_amount.'}
  on_time_amount: {type: decimal, doc: 'What is settled of it with the payments received up to due_on alone, from 0 to net_amount.'}
*/
WITH member AS (
  SELECT
    bill_chain.root_bill_id,
    bill_settlement.bill_id,
    bill_settlement.account_id,
    bill_settlement.total_amount,
    bill_settlement.unpaid_amount,
    root.account_id AS root_account_id,
    root.due_on
  FROM facts.bill_chain
  JOIN facts.bill_settlement ON bill_settlement.bill_id = bill_chain.bill_id
  JOIN source.bill AS root ON root.bill_id = bill_chain.root_bill_id
  WHERE root.due_on >= ADD_MONTHS($period, -11) AND root.due_on <= $period_end
),

root AS (
  SELECT
    member.root_bill_id,
    member.root_account_id,
    member.due_on,
    SUM(member.total_amount) AS net_amount,
    SUM(member.unpaid_amount) AS unpaid_amount
  FROM member
  GROUP BY member.root_bill_id, member.root_account_id, member.due_on
  HAVING SUM(member.total_amount) > 0
),

asked AS (
  SELECT
    member.root_bill_id,
    member.bill_id,
    member.account_id,
    member.due_on AS day
  FROM member
  JOIN root ON root.root_bill_id = member.root_bill_id
),

received AS (
  SELECT
    payment.payment_id,
    payment.bill_id,
    CAST(payment.received_at AS DATE) AS received_on,
    payment.amount
  FROM source.payment
  WHERE payment.bill_id IS NOT NULL
),

-- Only where something may be beyond what settles the bill it names is an account looked at as a whole.
full_bill AS (
  SELECT received.bill_id
  FROM received
  JOIN source.bill ON bill.bill_id = received.bill_id
  WHERE received.amount > 0
  GROUP BY received.bill_id
  HAVING SUM(received.amount) > MAX(bill.total_amount)
),

pooled AS (
  SELECT loose_payment.account_id FROM facts.loose_payment
  UNION
  SELECT bill.account_id FROM source.bill
  WHERE bill.total_amount < 0
  UNION
  SELECT bill.account_id
  FROM source.bill
  JOIN full_bill ON full_bill.bill_id = bill.bill_id
),

plain_paid AS (
  SELECT
    asked.bill_id,
    asked.day,
    SUM(received.amount) AS paid_amount
  FROM asked
  JOIN received ON received.bill_id = asked.bill_id AND received.received_on <= asked.day
  LEFT JOIN pooled ON pooled.account_id = asked.account_id
  WHERE pooled.account_id IS NULL
  GROUP BY asked.bill_id, asked.day
),

day AS (
  SELECT DISTINCT
    asked.account_id,
    asked.day
  FROM asked
  JOIN pooled ON pooled.account_id = asked.account_id
),

standing AS (
  SELECT
    day.account_id,
    day.day,
    bill.bill_id,
    bill.due_on,
    bill.total_amount
  FROM day
  JOIN source.bill ON bill.account_id = day.account_id
),

named AS (
  SELECT
    standing.bill_id,
    standing.day,
    SUM(received.amount) AS paid_amount
  FROM standing
  JOIN received ON received.bill_id = standing.bill_id AND received.received_on <= standing.day
  GROUP BY standing.bill_id, standing.day
),

paid AS (
  SELECT
    standing.account_id,
    standing.day,
    standing.bill_id,
    standing.due_on,
    standing.total_amount,
    COALESCE(named.paid_amount, 0) AS paid_amount
  FROM standing
  LEFT JOIN named ON named.bill_id = standing.bill_id AND named.day = standing.day
),

-- The nearest bill above a correction that asks for money.
target AS (
  SELECT
    bill_correction.correction_bill_id AS bill_id,
    bill_correction.bill_id AS target_id
  FROM facts.bill_correction
  JOIN source.bill ON bill.bill_id = bill_correction.bill_id
  WHERE bill.total_amount > 0
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY bill_correction.correction_bill_id
        ORDER BY bill_correction.steps, bill_correction.bill_id
      )
    = 1
),

credit AS (
  SELECT
    paid.account_id,
    paid.day,
    target.target_id,
    paid.paid_amount - paid.total_amount AS credit_amount
  FROM paid
  LEFT JOIN target ON target.bill_id = paid.bill_id
  WHERE paid.total_amount < 0 AND paid.paid_amount > paid.total_amount
),

credited AS (
  SELECT
    credit.target_id AS bill_id,
    credit.day,
    SUM(credit.credit_amount) AS credit_amount
  FROM credit
  WHERE credit.target_id IS NOT NULL
  GROUP BY credit.target_id, credit.day
),

-- What is still to be paid of each bill, and what was paid beyond it, below 0.
own AS (
  SELECT
    paid.account_id,
    paid.day,
    paid.bill_id,
    paid.due_on,
    CASE
      WHEN paid.total_amount >= 0
        THEN paid.total_amount - COALESCE(credited.credit_amount, 0) - paid.paid_amount
      ELSE GREATEST(paid.total_amount - paid.paid_amount, 0)
    END AS rest_amount
  FROM paid
  LEFT JOIN credited ON credited.bill_id = paid.bill_id AND credited.day = paid.day
),

pool_part AS (
  SELECT
    day.account_id,
    day.day,
    loose_payment.amount
  FROM day
  JOIN facts.loose_payment
    ON loose_payment.account_id = day.account_id AND CAST(loose_payment.received_at AS DATE) <= day.day
  UNION ALL
  SELECT
    own.account_id,
    own.day,
    -own.rest_amount AS amount
  FROM own
  WHERE own.rest_amount < 0
  UNION ALL
  SELECT
    credit.account_id,
    credit.day,
    credit.credit_amount AS amount
  FROM credit
  WHERE credit.target_id IS NULL
),

pool AS (
  SELECT
    pool_part.account_id,
    pool_part.day,
    SUM(pool_part.amount) AS amount
  FROM pool_part
  GROUP BY pool_part.account_id, pool_part.day
),

needed AS (
  SELECT
    own.account_id,
    own.day,
    own.bill_id,
    GREATEST(own.rest_amount, 0) AS need_amount,
    SUM(GREATEST(own.rest_amount, 0)) OVER (
      PARTITION BY own.account_id, own.day ORDER BY own.due_on NULLS LAST, own.bill_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS needed_up_to
  FROM own
),

open_then AS (
  SELECT
    needed.bill_id,
    needed.day,
    GREATEST(LEAST(needed.need_amount, needed.needed_up_to - COALESCE(pool.amount, 0)), 0) AS open_amount
  FROM needed
  LEFT JOIN pool ON pool.account_id = needed.account_id AND pool.day = needed.day
),

root_then AS (
  SELECT
    asked.root_bill_id,
    SUM(
      COALESCE(
        open_then.open_amount, GREATEST(bill.total_amount - COALESCE(plain_paid.paid_amount, 0), 0)
      )
    ) AS open_amount
  FROM asked
  JOIN source.bill ON bill.bill_id = asked.bill_id
  LEFT JOIN plain_paid ON plain_paid.bill_id = asked.bill_id AND plain_paid.day = asked.day
  LEFT JOIN open_then ON open_then.bill_id = asked.bill_id AND open_then.day = asked.day
  GROUP BY asked.root_bill_id
)

SELECT
  root.root_bill_id AS bill_id,
  root.root_account_id AS account_id,
  root.due_on,
  MONEY(root.net_amount) AS net_amount,
  MONEY(LEAST(GREATEST(root.net_amount - root.unpaid_amount, 0), root.net_amount)) AS settled_amount,
  MONEY(LEAST(GREATEST(root.net_amount - root_then.open_amount, 0), root.net_amount)) AS on_time_amount
FROM root
JOIN root_then ON root_then.root_bill_id = root.root_bill_id
