/*
grain: one row per payment at the counter, in cash or by card
key: [payment_id]
purpose: How long counter money took to the bank, decided once.
view: true
columns:
  payment_id: {type: string, doc: The payment.}
  account_id: {type: string, doc: The account it was paid on.}
  bill_id: {type: string, doc: 'The bill it names, where it names one.'}
  amount: {type: decimal, doc: The amount.}
  channel: {type: string, doc: cash or counter_card.}
  staff_id: {type: string, doc: Who took it.}
  received_on: {type: date, doc: Local day on which it was taken.}
  remitted_on: {type: date, doc: Day it reached the bank; empty while it has not.}
  working_days: {type: integer, doc: 'Working days from one to the other, to as_of where it has not; of what was taken before core.calendar begins, those since.'}
*/
WITH counter AS (
  SELECT
    payment.payment_id,
    payment.account_id,
    payment.bill_id,
    payment.amount,
    payment.channel,
    payment.staff_id,
    CAST(payment.received_at AS DATE) AS received_on,
    payment.remitted_on
  FROM source.payment
  WHERE payment.channel IN ('cash', 'counter_card')
)

SELECT
  counter.payment_id,
  counter.account_id,
  counter.bill_id,
  counter.amount,
  counter.channel,
  counter.staff_id,
  counter.received_on,
  counter.remitted_on,
  -- Before the calendar begins there is no number; counting from its start is enough to be late.
  COALESCE(remitted_day.working_day_no, 0) - COALESCE(received_day.working_day_no, 0) AS working_days
FROM counter
LEFT JOIN core.calendar AS received_day ON received_day.day = counter.received_on
LEFT JOIN core.calendar AS remitted_day ON remitted_day.day = COALESCE(counter.remitted_on, $as_of)
