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
SELECT
  account.account_id AS subject_id,
  account.account_id,
  account_unpaid.unpaid_amount > 0.01 AS flagged,
  account_unpaid.unpaid_amount AS at_stake_amount,
  account.closed_on,
  account_unpaid.billed_amount,
  account_unpaid.paid_amount,
  account_unpaid.unpaid_amount
FROM source.account
LEFT JOIN facts.account_unpaid ON account_unpaid.account_id = account.account_id
WHERE account.status = 'closed'
