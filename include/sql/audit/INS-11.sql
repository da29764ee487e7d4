/*
title: No valid electrician
zh: 高压客户电工档案不实
flags_zh: 供电电压 10 kV 及以上的在用账户，没有证件在审核日有效的电工。
what_to_do:
  en: Ask the customer to name an electrician with a valid licence, and enter the licence.
  zh: 督促客户配备持有效证件的电工，并更新电工档案。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: state
proof: same
moves: [as_of]
flags: >-
  live, supply_kv at least 10, and no electrician with licence_expires_on at or after as_of.
messages:
  en:
    - "Of {electricians} electricians on file none holds a licence valid on {as_of}; the last ran out on {last_expires_on}."
    - "No electrician with a licence valid on {as_of} is on file; at {supply_kv} kV one is required."
  zh:
    - "在档电工 {electricians} 名，{as_of} 均无有效证件，最晚于 {last_expires_on} 到期。"
    - "{supply_kv} kV 客户应配备电工，{as_of} 没有持有效证件的电工在档。"
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
