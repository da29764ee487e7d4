/*
title: Supply contract expired
zh: 供用电合同超期限
kind: exception
modes: [nightly]
subject: account
severity: medium
flags: >-
  live, and the contract with the latest expires_on has it before as_of (a contract without expires_on
  never expires).
messages:
  en: The supply contract {contract_id} expired on {expires_on}.
  zh: 供用电合同 {contract_id} 已于 {expires_on} 到期。
*/
WITH last_contract AS (
  SELECT c.account_id, c.contract_id, c.expires_on
  FROM source.contract AS c
  QUALIFY ROW_NUMBER() OVER (PARTITION BY c.account_id ORDER BY c.expires_on DESC NULLS FIRST, c.contract_id) = 1
)
SELECT a.account_id AS subject_id,
       a.account_id,
       COALESCE(c.expires_on < $as_of, FALSE) AS flagged,
       c.contract_id,
       c.expires_on,
       $as_of AS as_of
FROM core.live_account AS a
LEFT JOIN last_contract AS c ON c.account_id = a.account_id
