/*
title: Counter money remitted late
zh: 电费资金未及时上缴
flags_zh: 现金或柜台刷卡收取的电费，自收取之日至上缴之日（未上缴的至审核日）超过 max_wd 个工作日。
what_to_do:
  en: >-
    Have the money remitted today, and have the supervisor compare receipts, till and bank; what is missing
    is reported.
  zh: 责令当日上缴，由负责人核对收据、现金和银行进账；短款的立即上报。
kind: exception
modes: [nightly]
subject: payment
severity: high
judges: state
proof: none
moves: [working_days]
flags: >-
  channel cash or counter_card, and remitted_on, or as_of where it is empty, more than max_wd working days after received_at.
at_stake: the amount, where not remitted
params:
  max_wd: {type: integer, default: 1, minimum: 0, doc: Working days until the money must be at the bank.}
messages:
  en:
    - "The {amount} received on {received_on} reached the bank on {remitted_on}, after {working_days} working days; the limit is {max_wd}."
    - "The {amount} received on {received_on} has not reached the bank after {working_days} working days; the limit is {max_wd}."
  zh:
    - "{received_on} 收取的 {amount} 元于 {remitted_on} 上缴，历时 {working_days} 个工作日，时限 {max_wd} 个工作日。"
    - "{received_on} 收取的 {amount} 元已 {working_days} 个工作日未上缴，时限 {max_wd} 个工作日。"
*/
SELECT
  counter_payment.payment_id AS subject_id,
  counter_payment.account_id,
  counter_payment.working_days > $max_wd AS flagged,
  CASE WHEN counter_payment.remitted_on IS NULL THEN counter_payment.amount END AS at_stake_amount,
  counter_payment.received_on,
  counter_payment.remitted_on,
  counter_payment.working_days,
  $max_wd AS max_wd,
  counter_payment.amount,
  counter_payment.channel,
  counter_payment.bill_id,
  counter_payment.staff_id
FROM facts.counter_payment
