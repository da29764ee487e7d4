/*
grain: one row per live account and month, and one per complaint opened in a month
key: [period, row_id]
purpose: >-
  Complaints opened in a month for 10,000 accounts live at as_of.
view: true
title: Complaints for 10,000 accounts
zh: 万户投诉量
post: manager
better: low
form: number
rules: [SVC-06]
params:
  standard: {type: number, default: 1, doc: Value that scores 100.}
  floor: {type: number, default: 20, doc: Value that scores 0.}
  weight: {type: number, default: 1, minimum: 0, doc: What its score weighs in the composite.}
  min_rows: {type: integer, default: 2000, minimum: 1, doc: Rows behind the denominator below which it is not scored.}
*/
SELECT
  audited_month.period,
  live_account.account_id AS row_id,
  live_account.org_unit_id,
  CAST(NULL AS VARCHAR) AS staff_id,
  live_account.account_id AS row_key,
  0 AS numerator,
  1 AS denominator
FROM core.live_account
CROSS JOIN core.audited_month
UNION ALL
SELECT
  MONTH_OF(service_call.opened_at) AS period,
  CONCAT('call/', service_call.call_id) AS row_id,
  COALESCE(own_unit.org_unit_id, account.org_unit_id) AS org_unit_id,
  CAST(NULL AS VARCHAR) AS staff_id,
  CAST(NULL AS VARCHAR) AS row_key,
  10000 AS numerator,
  CAST(NULL AS INTEGER) AS denominator
FROM source.service_call
LEFT JOIN source.account ON account.account_id = service_call.account_id
LEFT JOIN source.org_unit AS own_unit ON own_unit.org_unit_id = service_call.org_unit_id
WHERE
  service_call.kind = 'complaint'
  AND MONTH_OF(service_call.opened_at) >= ADD_MONTHS($period, -11)
  AND MONTH_OF(service_call.opened_at) <= $period
