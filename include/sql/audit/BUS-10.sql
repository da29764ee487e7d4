/*
title: Temporary-connection fee not refunded
zh: 未按标准退临时接电费
kind: exception
modes: [nightly]
subject: account
severity: medium
flags: >-
  is_temporary, closed more than grace_days before as_of, and refunded_amount below paid_amount of its
  temporary_connection fee.
at_stake: minus (paid less refunded)
params:
  grace_days: {type: integer, default: 30, minimum: 0, doc: Days after closing in which the fee may still be refunded.}
messages:
  en: "Closed on {closed_on}; of {paid_amount} only {refunded_amount} were refunded."
  zh: "{closed_on} 销户，临时接电费已缴 {paid_amount}，仅退 {refunded_amount}。"
*/
WITH fee AS (
  SELECT
    fee.account_id,
    COUNT(*) AS fees,
    MIN(fee.fee_id) FILTER (WHERE fee.refunded_amount < fee.paid_amount) AS first_fee_id,
    SUM(fee.paid_amount) FILTER (WHERE fee.refunded_amount < fee.paid_amount) AS paid_amount,
    SUM(fee.refunded_amount) FILTER (WHERE fee.refunded_amount < fee.paid_amount) AS refunded_amount
  FROM source.fee
  WHERE fee.kind = 'temporary_connection'
  GROUP BY fee.account_id
)

SELECT
  account.account_id AS subject_id,
  account.account_id,
  fee.first_fee_id IS NOT NULL AS flagged,
  fee.refunded_amount - fee.paid_amount AS at_stake_amount,
  account.closed_on,
  $grace_days AS grace_days,
  fee.first_fee_id,
  fee.paid_amount,
  fee.refunded_amount
FROM source.account
LEFT JOIN fee ON fee.account_id = account.account_id
WHERE
  account.is_temporary
  AND account.status = 'closed'
  AND DATE_DIFF('day', account.closed_on, $as_of) > $grace_days
