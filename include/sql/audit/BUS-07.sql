/*
title: Closed with a debt
zh: 销户后未结清电费
flags_zh: 账户已销户，全部账单仍有超过 0.01 元的未结电费。
what_to_do:
  en: >-
    Collect the debt from the former holder, or from the deposit; where it cannot be had, propose to write
    it off. An account with a debt is not closed.
  zh: 向原客户追收欠费或以保证金抵缴；确实无法收回的按规定申请核销。今后未结清电费的不得销户。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: state
proof: same
flags: >-
  status closed and unpaid above 0.01 over all its bills.
at_stake: the unpaid sum
messages:
  en: "The account was closed[ on {closed_on}] with {unpaid_amount} unpaid; nothing may be open."
  zh: "账户[于 {closed_on} ]销户，尚有 {unpaid_amount} 元电费未结清，销户时应全部结清。"
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
