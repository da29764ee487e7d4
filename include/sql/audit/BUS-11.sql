/*
title: Temporary account too old
zh: 立户超过三年的临时客户
flags_zh: 临时用电账户立户超过 max_years 年仍在用。
what_to_do:
  en: See on site whether the use is still temporary; make it a permanent account or close it.
  zh: 现场核实用电现状：转为正式用电的办理新装手续，已不用电的销户。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: state
proof: same
moves: [opened_not_before]
flags: >-
  is_temporary, live, and opened_on more than max_years years before as_of.
params:
  max_years: {type: integer, default: 3, minimum: 1, maximum: 50, doc: Years a temporary account may last.}
messages:
  en: "The temporary account was opened on {opened_on}; those opened before {opened_not_before} are past the longest term."
  zh: "临时用电账户于 {opened_on} 立户，{opened_not_before} 之前立户的已超过最长期限。"
*/
SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  live_account.opened_on < ADD_MONTHS($as_of, -12 * $max_years) AS flagged,
  live_account.opened_on,
  ADD_MONTHS($as_of, -12 * $max_years) AS opened_not_before
FROM core.live_account
WHERE live_account.is_temporary
