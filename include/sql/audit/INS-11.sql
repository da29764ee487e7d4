/*
title: No valid electrician
zh: 高压客户电工档案不实
kind: exception
modes: [nightly]
subject: account
severity: medium
flags: >-
  live, supply_kv at least 10, and no electrician with licence_expires_on at or after as_of.
messages:
  en: "None of {electricians} electricians has a valid licence (the last expires on {last_expires_on})."
  zh: "电工 {electricians} 名，均无有效证件（最晚到期 {last_expires_on}）。"
*/
WITH licence AS (
  SELECT
    electrician.account_id,
    COUNT(*) AS electricians,
    MAX(electrician.licence_expires_on) AS last_expires_on
  FROM source.electrician
  GROUP BY electrician.account_id
)

SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  licence.last_expires_on IS NULL OR licence.last_expires_on < $as_of AS flagged,
  live_account.supply_kv,
  COALESCE(licence.electricians, 0) AS electricians,
  licence.last_expires_on,
  $as_of AS as_of
FROM core.live_account
LEFT JOIN licence ON licence.account_id = live_account.account_id
WHERE live_account.supply_kv >= 10
