/*
title: Contract about to expire
zh: 合同即将到期
flags_zh: 在用账户所有合同均约定到期日，且最晚到期日在审核日起 within_days 天内，列出提醒。
what_to_do:
  en: Begin the renewal with the customer now.
  zh: 提前联系客户办理续签。
kind: listing
modes: [nightly]
subject: account
severity: low
judges: state
proof: same
moves: [as_of]
window: {on: expires_on, ahead: within_days, unit: days}
flags: >-
  live, no contract is without expires_on, and the latest expires_on is from as_of to within_days after it.
params:
  within_days: {type: integer, default: 60, minimum: 0, doc: Days ahead.}
messages:
  en: "The supply contract expires on {expires_on}, within {within_days} days."
  zh: "供用电合同将于 {expires_on} 到期，不足 {within_days} 天。"
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
