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
  SELECT c.account_id, c.contract_id, c.expires_on
  FROM source.contract AS c
  QUALIFY ROW_NUMBER() OVER (PARTITION BY c.account_id ORDER BY c.expires_on DESC NULLS FIRST, c.contract_id) = 1
)
SELECT a.account_id AS subject_id,
       a.account_id,
       COALESCE(c.expires_on >= $as_of AND DATE_DIFF('day', $as_of, c.expires_on) <= $within_days, FALSE) AS flagged,
       c.contract_id,
       c.expires_on,
       $as_of AS as_of,
       $within_days AS within_days
FROM core.live_account AS a
LEFT JOIN last_contract AS c ON c.account_id = a.account_id
