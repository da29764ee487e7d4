/*
title: Contract not entered or filed
zh: 合同未录入或未归档
kind: exception
modes: [nightly]
subject: contract
severity: low
flags: >-
  signed more than max_days before as_of and entered_on or archived_on empty.
params:
  max_days: {type: integer, default: 30, minimum: 0, doc: Days after signing in which a contract is to be entered and filed.}
messages:
  en: "Signed on {signed_on}, entered on {entered_on}, filed on {archived_on}."
  zh: "{signed_on} 签订，录入 {entered_on}，归档 {archived_on}。"
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
