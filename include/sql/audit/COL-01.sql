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
  SELECT p.payment_id, p.account_id, p.bill_id, p.amount, p.channel, p.staff_id, CAST(p.received_at AS DATE) AS received_on, p.remitted_on
  FROM source.payment AS p
  WHERE p.channel IN ('cash', 'counter_card')
)
SELECT c.payment_id AS subject_id,
       c.account_id,
       -- Before the calendar begins there is no number; counting from its start is enough to be late.
       COALESCE(b.working_day_no, 0) - COALESCE(a.working_day_no, 0) > $max_wd AS flagged,
       CASE WHEN c.remitted_on IS NULL THEN c.amount END AS at_stake_amount,
       c.received_on,
       c.remitted_on,
       COALESCE(b.working_day_no, 0) - COALESCE(a.working_day_no, 0) AS working_days,
       $max_wd AS max_wd,
       c.amount,
       c.channel,
       c.bill_id,
       c.staff_id
FROM counter AS c
LEFT JOIN core.calendar AS a ON a.day = c.received_on
LEFT JOIN core.calendar AS b ON b.day = COALESCE(c.remitted_on, $as_of)
