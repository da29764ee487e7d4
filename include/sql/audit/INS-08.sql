/*
title: Contract not entered or filed
zh: 合同未录入或未归档
flags_zh: 合同签订超过 max_days 天，仍未录入系统或未归档。
what_to_do:
  en: Enter the contract and file it; the day of each is noted.
  zh: 将合同录入系统并归档，登记录入和归档日期。
kind: exception
modes: [nightly]
subject: contract
severity: low
judges: state
proof: same
flags: >-
  signed more than max_days before as_of and entered_on or archived_on empty.
params:
  max_days: {type: integer, default: 30, minimum: 0, doc: Days after signing in which a contract is to be entered and filed.}
messages:
  en:
    - "The contract signed on {signed_on} was entered on {entered_on} and is not filed after {max_days} days."
    - "The contract signed on {signed_on} is filed since {archived_on}, but not entered after {max_days} days."
    - "The contract signed on {signed_on} is neither entered nor filed after {max_days} days."
  zh:
    - "合同于 {signed_on} 签订、{entered_on} 录入，超过 {max_days} 天未归档。"
    - "合同于 {signed_on} 签订、{archived_on} 归档，超过 {max_days} 天未录入系统。"
    - "合同于 {signed_on} 签订，超过 {max_days} 天未录入、未归档。"
*/
SELECT
  contract.contract_id AS subject_id,
  contract.account_id,
  DATE_DIFF('day', contract.signed_on, $as_of) > $max_days
  AND (contract.entered_on IS NULL OR contract.archived_on IS NULL) AS flagged,
  contract.signed_on,
  contract.entered_on,
  contract.archived_on,
  $max_days AS max_days
FROM source.contract
WHERE contract.signed_on IS NOT NULL
