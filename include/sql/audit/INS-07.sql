/*
title: No supply contract
zh: 未签订供用电合同
kind: exception
modes: [nightly]
subject: account
severity: high
flags: >-
  live, opened more than grace_days before as_of, and no contract with signed_on.
params:
  grace_days: {type: integer, default: 30, minimum: 0, doc: Days after opening in which a contract may still be signed.}
messages:
  en: "Opened on {opened_on}; of {contracts} contracts none is signed."
  zh: "{opened_on} 立户，合同 {contracts} 份，均未签订。"
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
