/*
grain: one row per bill
key: [bill_id]
purpose: >-
  How payments and credits settle bills: the one answer to what is unpaid and since when it is paid, which arrears, letters, key
  figures, rules and scores all read. A payment settles the bill that it names; a correction below 0 is taken off the bill that it
  corrects. What is paid or credited beyond that, and payments that name no known bill, settle the other bills of the account in
  the order of due date, then bill_id. On any day the same holds with the payments received up to then.
columns:
  bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of its month.}
  due_on: {type: date, doc: Its own last day to pay.}
  is_correction: {type: boolean, doc: It names a bill that it corrects.}
  total_amount: {type: decimal, doc: Its total; negative where it gives back.}
  amount: {type: decimal, doc: 'What is to be paid: its total less the corrections below 0 of it; 0 for a credit.'}
  unpaid_amount: {type: decimal, doc: 'What is left of it; of a bill below 0 what is left of the credit, negative.'}
  settled_on: {type: date, doc: 'Local day from which on at most 0.01 was open, by what is known at as_of; the due date (as_of where that is earlier) where credits alone cover it; empty while more is open, and where nothing is to be paid.'}
  days_late: {type: integer, doc: 'Days from due_on to settled_on, or to as_of while more than 0.01 is open; 0 where it is not late.'}
  overdue_amount: {type: decimal, doc: 'unpaid_amount of a bill due before as_of, where that is more than 0.01, else 0.'}
*/
WITH target AS (
  -- The nearest bill above a correction that asks for money.
  SELECT
    bill_correction.correction_bill_id AS bill_id,
    bill_correction.bill_id AS target_id
  FROM facts.bill_correction
  JOIN facts.bill_paid ON bill_paid.bill_id = bill_correction.bill_id
  WHERE bill_paid.total_amount > 0
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
    bill_paid.bill_id,
    bill_paid.account_id,
    bill_paid.due_on,
    target.target_id,
    bill_paid.paid_amount - bill_paid.total_amount AS credit_amount
  FROM facts.bill_paid
  LEFT JOIN target ON target.bill_id = bill_paid.bill_id
  WHERE bill_paid.total_amount < 0 AND bill_paid.paid_amount > bill_paid.total_amount
),

credited AS (
  SELECT
    credit.target_id AS bill_id,
    SUM(credit.credit_amount) AS credit_amount
  FROM credit
  WHERE credit.target_id IS NOT NULL
  GROUP BY credit.target_id
),

-- A credit is what has not been paid out of it; where too much was, that is owed.
payable AS (
  SELECT
    bill_paid.bill_id,
    bill_paid.account_id,
    bill_paid.period,
    bill_paid.due_on,
    bill_paid.is_correction,
    bill_paid.total_amount,
    bill_paid.payments,
    bill_paid.last_paid_on,
    bill_paid.total_amount >= 0 AND bill_paid.payments > 0 AS has_own,
    COALESCE(credited.credit_amount, 0) AS credit_amount,
    CASE
      WHEN bill_paid.total_amount >= 0 THEN bill_paid.total_amount - COALESCE(credited.credit_amount, 0)
      ELSE GREATEST(bill_paid.total_amount - bill_paid.paid_amount, 0)
    END AS net_amount,
    CASE WHEN bill_paid.total_amount >= 0 THEN bill_paid.paid_amount ELSE 0 END AS own_amount
  FROM facts.bill_paid
  LEFT JOIN credited ON credited.bill_id = bill_paid.bill_id
),

-- Nearly every bill is paid by one payment; only where there are several is each looked at in turn.
part AS (
  SELECT
    payment.bill_id,
    payment.payment_id,
    payment.received_at,
    payable.net_amount,
    SUM(payment.amount) OVER (
      PARTITION BY payment.bill_id ORDER BY payment.received_at, payment.payment_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS paid_amount
  FROM payable
  JOIN source.payment ON payment.bill_id = payable.bill_id
  WHERE payable.has_own AND payable.payments > 1
),

-- Money that is given back opens a bill again, so what counts is the most that was open from a payment on.
still AS (
  SELECT
    part.bill_id,
    part.received_at,
    part.paid_amount - part.net_amount AS spilt_amount,
    MAX(part.net_amount - part.paid_amount) OVER (
      PARTITION BY part.bill_id ORDER BY part.received_at DESC, part.payment_id DESC
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS open_amount
  FROM part
),

reached AS (
  SELECT
    still.bill_id,
    MAX(still.spilt_amount) AS spilt_amount,
    CAST(MIN(CASE WHEN still.open_amount <= 0.01 THEN still.received_at END) AS DATE) AS paid_on
  FROM still
  GROUP BY still.bill_id
),

own AS (
  SELECT
    payable.*,
    GREATEST(payable.net_amount - payable.own_amount, 0) AS need_amount,
    GREATEST(payable.own_amount - payable.net_amount, 0) AS spilt_amount,
    COALESCE(reached.spilt_amount, payable.own_amount - payable.net_amount) > 0 AS has_spilt,
    CASE
      WHEN payable.net_amount > 0.01 AND payable.net_amount - payable.own_amount <= 0.01
        THEN COALESCE(reached.paid_on, payable.last_paid_on)
    END AS paid_on
  FROM payable
  LEFT JOIN reached ON reached.bill_id = payable.bill_id
),

-- Only accounts that have something beyond what settles the bill it names are worth looking at as a whole.
pooled AS (
  SELECT loose_payment.account_id FROM facts.loose_payment
  UNION
  SELECT own.account_id FROM own WHERE own.has_spilt
  UNION
  SELECT credit.account_id FROM credit WHERE credit.target_id IS NULL
),

-- What every account has of it, and what of it are credits, which were there before any payment.
pool_part AS (
  SELECT
    loose_payment.account_id,
    SUM(loose_payment.amount) AS amount,
    MONEY(0) AS stock_amount
  FROM facts.loose_payment
  GROUP BY loose_payment.account_id
  UNION ALL
  SELECT
    own.account_id,
    SUM(own.spilt_amount),
    SUM(GREATEST(-own.net_amount, 0))
  FROM own
  WHERE own.has_spilt
  GROUP BY own.account_id
  UNION ALL
  SELECT
    credit.account_id,
    SUM(credit.credit_amount),
    SUM(credit.credit_amount)
  FROM credit
  WHERE credit.target_id IS NULL
  GROUP BY credit.account_id
),

member AS (
  SELECT
    own.*,
    ROW_NUMBER() OVER (PARTITION BY own.account_id ORDER BY own.due_on NULLS LAST, own.bill_id) AS place,
    SUM(own.need_amount) OVER (
      PARTITION BY own.account_id ORDER BY own.due_on NULLS LAST, own.bill_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS needed_up_to
  FROM own
  JOIN pooled ON pooled.account_id = own.account_id
),

-- What named payments do one by one: how much of each went to its bill, and how much beyond.
named AS (
  SELECT
    member.account_id,
    member.bill_id,
    member.place,
    member.net_amount,
    payment.received_at,
    payment.payment_id,
    payment.amount,
    SUM(payment.amount) OVER (
      PARTITION BY member.bill_id ORDER BY payment.received_at, payment.payment_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS paid_amount
  FROM member
  JOIN source.payment ON payment.bill_id = member.bill_id
  WHERE member.has_own
),

pool_sum AS (
  SELECT
    pool_part.account_id,
    SUM(pool_part.amount) AS amount,
    SUM(pool_part.stock_amount) AS stock_amount
  FROM pool_part
  GROUP BY pool_part.account_id
),

happened AS (
  SELECT
    pool_sum.account_id,
    CAST(NULL AS VARCHAR) AS bill_id,
    CAST(NULL AS BIGINT) AS place,
    CAST(DATE '1970-01-02' AS TIMESTAMPTZ) AS received_at,
    '' AS payment_id,
    MONEY(0) AS own_amount,
    pool_sum.stock_amount AS pool_amount
  FROM pool_sum
  WHERE pool_sum.stock_amount > 0
  UNION ALL
  SELECT
    named.account_id,
    named.bill_id,
    named.place,
    named.received_at,
    named.payment_id,
    GREATEST(named.net_amount - named.paid_amount + named.amount, 0)
    - GREATEST(named.net_amount - named.paid_amount, 0),
    GREATEST(named.paid_amount - named.net_amount, 0)
    - GREATEST(named.paid_amount - named.amount - named.net_amount, 0)
  FROM named
  UNION ALL
  SELECT
    loose_payment.account_id,
    CAST(NULL AS VARCHAR),
    CAST(NULL AS BIGINT),
    loose_payment.received_at,
    loose_payment.payment_id,
    MONEY(0),
    loose_payment.amount
  FROM facts.loose_payment
),

begun AS (
  SELECT
    happened.account_id,
    CAST(MIN(CASE WHEN happened.pool_amount > 0 THEN happened.received_at END) AS DATE) AS begins_on,
    MIN(LEAST(happened.own_amount, happened.pool_amount)) < 0 AS is_given_back
  FROM happened
  GROUP BY happened.account_id
),

pool AS (
  SELECT
    pool_sum.account_id,
    pool_sum.amount,
    begun.begins_on,
    begun.is_given_back
  FROM pool_sum
  LEFT JOIN begun ON begun.account_id = pool_sum.account_id
),

opened AS (
  SELECT
    member.bill_id,
    member.account_id,
    member.place,
    member.net_amount,
    member.has_own,
    member.paid_on,
    pool.is_given_back,
    GREATEST(LEAST(member.need_amount, member.needed_up_to - pool.amount), 0) AS open_amount,
    -- What its own payments had settled before there was anything beyond neither gives nor takes.
    (member.net_amount > 0 OR member.need_amount > 0)
    AND (member.paid_on IS NULL OR member.paid_on > pool.begins_on) AS is_in_play
  FROM member
  JOIN pool ON pool.account_id = member.account_id
),

playing AS (
  SELECT
    opened.*,
    BOOL_OR(opened.has_own) OVER (PARTITION BY opened.account_id) AS is_mixed,
    SUM(GREATEST(opened.net_amount, 0)) OVER (
      PARTITION BY opened.account_id ORDER BY opened.place ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS owed_up_to
  FROM opened
  WHERE opened.is_in_play
),

-- Where no bill in play was ever named, the level of the money is the same for all of them.
level AS (
  SELECT
    happened.account_id,
    happened.received_at,
    happened.payment_id,
    SUM(happened.pool_amount) OVER (
      PARTITION BY happened.account_id ORDER BY happened.received_at, happened.payment_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS amount
  FROM happened
  WHERE happened.pool_amount <> 0
),

lasting AS (
  SELECT
    level.account_id,
    level.received_at,
    MIN(level.amount) OVER (
      PARTITION BY level.account_id ORDER BY level.received_at DESC, level.payment_id DESC
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS amount
  FROM level
),

filled AS (
  SELECT
    playing.bill_id,
    MIN(lasting.received_at) AS settled_at
  FROM playing
  JOIN lasting ON lasting.account_id = playing.account_id
  WHERE
    NOT playing.is_mixed
    AND playing.open_amount <= 0.01
    AND lasting.amount >= playing.owed_up_to - 0.01
  GROUP BY playing.bill_id
),

-- Elsewhere each bill is held against each payment that may have moved it.
moved AS (
  SELECT
    playing.bill_id,
    happened.received_at,
    happened.payment_id,
    LEAST(
      playing.net_amount
      - SUM(CASE WHEN happened.bill_id = playing.bill_id THEN happened.own_amount ELSE 0 END) OVER (
        PARTITION BY playing.bill_id ORDER BY happened.received_at, happened.payment_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      ),
      playing.owed_up_to
      - SUM(
        happened.pool_amount
        + CASE
          WHEN earlier.bill_id IS NOT NULL AND happened.place <= playing.place THEN happened.own_amount ELSE 0
        END
      ) OVER (
        PARTITION BY playing.bill_id ORDER BY happened.received_at, happened.payment_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
      )
    ) AS open_amount
  FROM playing
  JOIN happened ON happened.account_id = playing.account_id
  LEFT JOIN playing AS earlier ON earlier.bill_id = happened.bill_id
  WHERE
    playing.is_mixed
    AND playing.open_amount <= 0.01
    AND (happened.pool_amount <> 0 OR earlier.bill_id IS NOT NULL)
    -- Where nothing was given back, a bill that its own payments settled stays so.
    AND (
      playing.is_given_back
      OR playing.paid_on IS NULL
      OR CAST(happened.received_at AS DATE) <= playing.paid_on
    )
),

most AS (
  SELECT
    moved.bill_id,
    moved.received_at,
    MAX(moved.open_amount) OVER (
      PARTITION BY moved.bill_id ORDER BY moved.received_at DESC, moved.payment_id DESC
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS open_amount
  FROM moved
),

poured AS (
  SELECT
    filled.bill_id,
    CAST(filled.settled_at AS DATE) AS settled_on
  FROM filled
  UNION ALL
  SELECT
    most.bill_id,
    CAST(MIN(most.received_at) AS DATE)
  FROM most
  WHERE most.open_amount <= 0.01
  GROUP BY most.bill_id
),

-- What is left of credits: beyond the bill that each corrects, less what the account's other bills took.
surplus AS (
  SELECT
    credit.bill_id,
    COALESCE(own.account_id, credit.account_id) AS account_id,
    credit.due_on,
    CASE
      WHEN own.bill_id IS NULL THEN credit.credit_amount
      ELSE
        GREATEST(
          LEAST(
            credit.credit_amount,
            SUM(credit.credit_amount)
              OVER (
                PARTITION BY credit.target_id ORDER BY credit.due_on NULLS LAST, credit.bill_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
              )
            - own.credit_amount + LEAST(own.credit_amount, own.spilt_amount)
          ),
          0
        )
    END AS amount
  FROM credit
  LEFT JOIN own ON own.bill_id = credit.target_id
),

needed AS (
  SELECT
    member.account_id,
    SUM(member.need_amount) AS amount
  FROM member
  GROUP BY member.account_id
),

kept AS (
  SELECT
    surplus.bill_id,
    GREATEST(
      LEAST(
        surplus.amount,
        SUM(surplus.amount)
          OVER (
            PARTITION BY surplus.account_id ORDER BY surplus.due_on NULLS LAST, surplus.bill_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
          )
        - GREATEST(
          needed.amount,
          SUM(surplus.amount) OVER (PARTITION BY surplus.account_id)
          - GREATEST(pool.amount - needed.amount, 0)
        )
      ),
      0
    ) AS amount
  FROM surplus
  JOIN pool ON pool.account_id = surplus.account_id
  JOIN needed ON needed.account_id = surplus.account_id
  WHERE surplus.amount > 0
),

settled AS (
  SELECT
    own.bill_id,
    own.account_id,
    own.period,
    own.due_on,
    own.is_correction,
    own.total_amount,
    GREATEST(own.net_amount, 0) AS amount,
    COALESCE(opened.open_amount, own.need_amount) - COALESCE(kept.amount, 0) AS unpaid_amount,
    CASE
      WHEN own.net_amount <= 0 OR COALESCE(opened.open_amount, own.need_amount) > 0.01 THEN NULL
      WHEN opened.is_in_play AND poured.settled_on > DATE '1970-01-02' THEN poured.settled_on
      WHEN opened.is_in_play THEN LEAST(own.due_on, $as_of)
      ELSE COALESCE(own.paid_on, LEAST(own.due_on, $as_of))
    END AS settled_on
  FROM own
  LEFT JOIN opened ON opened.bill_id = own.bill_id
  LEFT JOIN poured ON poured.bill_id = own.bill_id
  LEFT JOIN kept ON kept.bill_id = own.bill_id
)

SELECT
  settled.bill_id,
  settled.account_id,
  settled.period,
  settled.due_on,
  settled.is_correction,
  settled.total_amount,
  MONEY(settled.amount) AS amount,
  MONEY(settled.unpaid_amount) AS unpaid_amount,
  settled.settled_on,
  CASE
    WHEN
      settled.unpaid_amount > 0.01 AND settled.due_on < $as_of
      THEN DATE_DIFF('day', settled.due_on, $as_of)
    WHEN settled.settled_on > settled.due_on THEN DATE_DIFF('day', settled.due_on, settled.settled_on)
    ELSE 0
  END AS days_late,
  MONEY(
    CASE WHEN settled.due_on < $as_of AND settled.unpaid_amount > 0.01 THEN settled.unpaid_amount ELSE 0 END
  ) AS overdue_amount
FROM settled
