/*
grain: one row per live account
key: [period, row_id]
purpose: >-
  Of the live accounts, those that no exception of family ARC flags, by account or by customer.
view: true
title: Customer files without a fault
zh: 档案合格率
post: acceptance
better: high
form: share
share: true
as_of_only: true
rules: [ARC-01, ARC-02, ARC-08]
params:
  standard: {type: number, default: 0.99, doc: Value that scores 100.}
  floor: {type: number, default: 0.9, doc: Value that scores 0.}
  weight: {type: number, default: 2, minimum: 0, doc: What its score weighs in the composite.}
*/
WITH flagged AS (
  SELECT DISTINCT
    audit_exception.subject_type,
    audit_exception.subject_id
  FROM findings.audit_exception
  WHERE
    audit_exception.family = 'ARC'
    AND audit_exception.kind = 'exception'
    AND audit_exception.subject_type IN ('account', 'customer')
)

SELECT
  $period AS period,
  live_account.account_id AS row_id,
  live_account.org_unit_id,
  CAST(NULL AS VARCHAR) AS staff_id,
  live_account.account_id AS row_key,
  CASE WHEN by_account.subject_id IS NULL AND by_customer.subject_id IS NULL THEN 1 ELSE 0 END AS numerator,
  1 AS denominator
FROM core.live_account
LEFT JOIN flagged AS by_account
  ON by_account.subject_type = 'account' AND by_account.subject_id = live_account.account_id
LEFT JOIN flagged AS by_customer
  ON by_customer.subject_type = 'customer' AND by_customer.subject_id = live_account.customer_id
