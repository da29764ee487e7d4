/*
grain: one row per live account
key: [period, row_id]
purpose: >-
  Of the live accounts, those that neither INS-06 nor INS-07 flags.
view: true
title: Accounts with a valid contract
zh: 合同有效率
post: inspection
better: high
form: share
share: true
as_of_only: true
rules: [INS-06, INS-07]
params:
  standard: {type: number, default: 1.0, doc: Value that scores 100.}
  floor: {type: number, default: 0.95, doc: Value that scores 0.}
  weight: {type: number, default: 2, minimum: 0, doc: What its score weighs in the composite.}
*/
WITH flagged AS (
  SELECT DISTINCT audit_exception.subject_id AS account_id
  FROM findings.audit_exception
  WHERE audit_exception.rule_id IN ('INS-06', 'INS-07')
)

SELECT
  $period AS period,
  live_account.account_id AS row_id,
  live_account.org_unit_id,
  CAST(NULL AS VARCHAR) AS staff_id,
  live_account.account_id AS row_key,
  CASE WHEN flagged.account_id IS NULL THEN 1 ELSE 0 END AS numerator,
  1 AS denominator
FROM core.live_account
LEFT JOIN flagged ON flagged.account_id = live_account.account_id
