/*
title: Supply contract expired
zh: 供用电合同超期限
flags_zh: 在用账户到期日最晚的供用电合同已在审核日之前到期（未约定到期日的合同不到期）。
what_to_do:
  en: Renew the contract with the customer and file it.
  zh: 与客户续签供用电合同并归档。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: state
proof: same
moves: [as_of]
flags: >-
  live, and the contract with the latest expires_on has it before as_of (a contract without expires_on
  never expires).
messages:
  en: "The supply contract expired on {expires_on}, before {as_of}."
  zh: "供用电合同已于 {expires_on} 到期（审核日 {as_of}）。"
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
  COALESCE(last_contract.expires_on < $as_of, FALSE) AS flagged,
  last_contract.contract_id,
  last_contract.expires_on,
  $as_of AS as_of
FROM core.live_account
LEFT JOIN last_contract ON last_contract.account_id = live_account.account_id
