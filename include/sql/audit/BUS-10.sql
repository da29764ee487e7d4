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
  SELECT f.account_id,
         COUNT(*) AS fees,
         MIN(f.fee_id) FILTER (WHERE f.refunded_amount < f.paid_amount) AS first_fee_id,
         SUM(f.paid_amount) FILTER (WHERE f.refunded_amount < f.paid_amount) AS paid_amount,
         SUM(f.refunded_amount) FILTER (WHERE f.refunded_amount < f.paid_amount) AS refunded_amount
  FROM source.fee AS f
  WHERE f.kind = 'temporary_connection'
  GROUP BY f.account_id
)
SELECT a.account_id AS subject_id,
       a.account_id,
       f.first_fee_id IS NOT NULL AS flagged,
       f.refunded_amount - f.paid_amount AS at_stake_amount,
       a.closed_on,
       $grace_days AS grace_days,
       f.first_fee_id,
       f.paid_amount,
       f.refunded_amount
FROM source.account AS a
LEFT JOIN fee AS f ON f.account_id = a.account_id
WHERE a.is_temporary AND a.status = 'closed' AND DATE_DIFF('day', a.closed_on, $as_of) > $grace_days
