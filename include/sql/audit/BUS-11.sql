/*
title: Temporary account too old
zh: 立户超过三年的临时客户
kind: exception
modes: [nightly]
subject: account
severity: medium
flags: >-
  is_temporary, live, and opened_on more than max_years years before as_of.
params:
  max_years: {type: integer, default: 3, minimum: 1, maximum: 50, doc: Years a temporary account may last.}
messages:
  en: "The temporary account was opened on {opened_on}, before {opened_not_before}."
  zh: "临时客户 {opened_on} 立户，早于 {opened_not_before}。"
*/
SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  live_account.opened_on < ADD_MONTHS($as_of, -12 * $max_years) AS flagged,
  live_account.opened_on,
  ADD_MONTHS($as_of, -12 * $max_years) AS opened_not_before
FROM core.live_account
WHERE live_account.is_temporary
