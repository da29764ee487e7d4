/*
grain: one row per case that is no effect and was decided
key: [period, row_id]
purpose: >-
  Of the cases whose newest decision lies in a month, those confirmed.
view: true
title: Cases that were confirmed
zh: 稽查查实率
post: manager
better: high
form: share
rules: []
params:
  weight: {type: number, default: 0, minimum: 0, doc: What its score weighs in the composite.}
*/
WITH decision AS (
  SELECT
    case_event.case_id,
    case_event.on_day,
    case_event.to_state
  FROM kpi.case_event
  WHERE case_event.is_entered AND case_event.to_state IN ('confirmed', 'dismissed')
  QUALIFY ROW_NUMBER() OVER (PARTITION BY case_event.case_id ORDER BY case_event.event_no DESC) = 1
)

SELECT
  MONTH_OF(decision.on_day) AS period,
  decision.case_id AS row_id,
  audit_case.assigned_org_unit_id AS org_unit_id,
  CAST(NULL AS VARCHAR) AS staff_id,
  COALESCE(
    audit_case.account_id, CONCAT(audit_case.subject_type, '/', audit_case.subject_id)
  ) AS row_key,
  CASE WHEN decision.to_state = 'confirmed' THEN 1 ELSE 0 END AS numerator,
  1 AS denominator
FROM decision
JOIN cases.audit_case ON audit_case.case_id = decision.case_id
WHERE
  MONTH_OF(decision.on_day) >= ADD_MONTHS($period, -11) AND MONTH_OF(decision.on_day) <= $period
