/*
title: Closed with a debt
zh: 销户后未结清电费
kind: exception
modes: [nightly]
subject: account
severity: high
flags: >-
  status closed and unpaid above 0.01 over all its bills.
at_stake: the unpaid sum
messages:
  en: "Closed on {closed_on} with {unpaid_amount} unpaid."
  zh: "{closed_on} 销户，尚欠 {unpaid_amount}。"
*/
SELECT a.account_id AS subject_id,
       a.account_id,
       u.unpaid_amount > 0.01 AS flagged,
       u.unpaid_amount AS at_stake_amount,
       a.closed_on,
       u.billed_amount,
       u.paid_amount,
       u.unpaid_amount
FROM source.account AS a
LEFT JOIN facts.account_unpaid AS u ON u.account_id = a.account_id
WHERE a.status = 'closed'
