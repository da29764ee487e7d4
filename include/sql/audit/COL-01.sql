/*
title: Counter money remitted late
zh: 电费资金未及时上缴
kind: exception
modes: [nightly]
subject: payment
severity: high
flags: >-
  channel cash or counter_card, and remitted_on, or as_of where it is empty, more than max_wd working days after received_at.
at_stake: the amount, where not remitted
params:
  max_wd: {type: integer, default: 1, minimum: 0, doc: Working days until the money must be at the bank.}
messages:
  en: "{amount} received on {received_on}, remitted on {remitted_on}: {working_days} working days."
  zh: "{received_on} 收取 {amount} 元，上缴日期 {remitted_on}，历时 {working_days} 个工作日。"
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
  counter.payment_id AS subject_id,
  counter.account_id,
  -- Before the calendar begins there is no number; counting from its start is enough to be late.
  COALESCE(remitted_day.working_day_no, 0) - COALESCE(received_day.working_day_no, 0) > $max_wd AS flagged,
  CASE WHEN counter.remitted_on IS NULL THEN counter.amount END AS at_stake_amount,
  counter.received_on,
  counter.remitted_on,
  COALESCE(remitted_day.working_day_no, 0) - COALESCE(received_day.working_day_no, 0) AS working_days,
  $max_wd AS max_wd,
  counter.amount,
  counter.channel,
  counter.bill_id,
  counter.staff_id
FROM counter
LEFT JOIN core.calendar AS received_day ON received_day.day = counter.received_on
LEFT JOIN core.calendar AS remitted_day ON remitted_day.day = COALESCE(counter.remitted_on, $as_of)
