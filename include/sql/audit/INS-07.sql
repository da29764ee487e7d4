/*
title: No supply contract
zh: 未签订供用电合同
flags_zh: 在用账户立户超过 grace_days 天，没有已签订的供用电合同。
what_to_do:
  en: Sign the contract with the customer; find out why the account was energized without one.
  zh: 与客户补签供用电合同，并查明无合同送电的原因。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: state
proof: same
flags: >-
  live, opened more than grace_days before as_of, and no contract with signed_on.
params:
  grace_days: {type: integer, default: 30, minimum: 0, doc: Days after opening in which a contract may still be signed.}
messages:
  en: "The account was opened on {opened_on} and has no signed contract {grace_days} days later; {contracts} are on file unsigned."
  zh: "账户于 {opened_on} 立户，超过 {grace_days} 天仍无已签订的供用电合同（在档未签 {contracts} 份）。"
*/
WITH contract AS (
  SELECT
    contract.account_id,
    COUNT(*) AS contracts,
    COUNT(contract.signed_on) AS signed
  FROM source.contract
  GROUP BY contract.account_id
)

SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  DATE_DIFF('day', live_account.opened_on, $as_of) > $grace_days
  AND COALESCE(contract.signed, 0) = 0 AS flagged,
  live_account.opened_on,
  $grace_days AS grace_days,
  COALESCE(contract.contracts, 0) AS contracts,
  COALESCE(contract.signed, 0) AS signed
FROM core.live_account
LEFT JOIN contract ON contract.account_id = live_account.account_id
