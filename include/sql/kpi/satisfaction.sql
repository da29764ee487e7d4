/*
grain: one row per call resolved in a month with a rating
key: [period, row_id]
purpose: >-
  Of the calls resolved in a month with a rating, those rated 4 or 5.
view: true
title: Callers who were satisfied
zh: 客户满意率
post: manager
better: high
form: share
share: true
staff: the call's staff_id
rules: [SVC-07]
params:
  standard: {type: number, default: 0.98, doc: Value that scores 100.}
  floor: {type: number, default: 0.8, doc: Value that scores 0.}
  weight: {type: number, default: 2, minimum: 0, doc: What its score weighs in the composite.}
*/
SELECT
  MONTH_OF(service_call.resolved_at) AS period,
  service_call.call_id AS row_id,
  COALESCE(own_unit.org_unit_id, account.org_unit_id) AS org_unit_id,
  service_call.staff_id,
  COALESCE(service_call.account_id, CONCAT('call/', service_call.call_id)) AS row_key,
  CASE WHEN service_call.satisfaction IN (4, 5) THEN 1 ELSE 0 END AS numerator,
  1 AS denominator
FROM source.service_call
LEFT JOIN source.account ON account.account_id = service_call.account_id
LEFT JOIN source.org_unit AS own_unit ON own_unit.org_unit_id = service_call.org_unit_id
WHERE
  service_call.satisfaction IS NOT NULL
  AND MONTH_OF(service_call.resolved_at) >= ADD_MONTHS($period, -11)
  AND MONTH_OF(service_call.resolved_at) <= $period
