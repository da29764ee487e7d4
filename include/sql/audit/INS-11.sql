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
  SELECT e.account_id, COUNT(*) AS electricians, MAX(e.licence_expires_on) AS last_expires_on
  FROM source.electrician AS e
  GROUP BY e.account_id
)
SELECT a.account_id AS subject_id,
       a.account_id,
       l.last_expires_on IS NULL OR l.last_expires_on < $as_of AS flagged,
       a.supply_kv,
       COALESCE(l.electricians, 0) AS electricians,
       l.last_expires_on,
       $as_of AS as_of
FROM core.live_account AS a
LEFT JOIN licence AS l ON l.account_id = a.account_id
WHERE a.supply_kv >= 10
