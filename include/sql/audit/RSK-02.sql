/*
title: Contract about to expire
zh: 合同即将到期
kind: listing
modes: [nightly]
subject: account
severity: low
flags: >-
  live, no contract is without expires_on, and the latest expires_on is from as_of to within_days after it.
params:
  within_days: {type: integer, default: 60, minimum: 0, doc: Days ahead.}
messages:
  en: "The supply contract {contract_id} expires on {expires_on}."
  zh: "供用电合同 {contract_id} 将于 {expires_on} 到期。"
*/
WITH last_contract AS (
  SELECT
    contract.account_id,
    contract.contract_id,
    contract.expires_on
  FROM source.contract
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY contract.account_id ORDER BY contract.expires_on DESC NULLS FIRST, contract.contract_id
      )
    = 1
)

SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  COALESCE(
    last_contract.expires_on >= $as_of AND DATE_DIFF('day', $as_of, last_contract.expires_on) <= $within_days,
    FALSE
  ) AS flagged,
  last_contract.contract_id,
  last_contract.expires_on,
  $as_of AS as_of,
  $within_days AS within_days
FROM core.live_account
LEFT JOIN last_contract ON last_contract.account_id = live_account.account_id
