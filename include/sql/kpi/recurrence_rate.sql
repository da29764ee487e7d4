/*
grain: one row per case that is no effect and month in which it was verified
key: [period, row_id]
purpose: >-
  Of the cases verified in the month 12 months before, those of whose rule and subject (of a bill, payment, order, call,
  reading or inspection its account) a case was opened or reopened within the 12 months after.
view: true
title: Findings that came back
zh: 问题复发率
post: manager
better: low
form: share
share: true
rules: []
params:
  standard: {type: number, default: 0.0, doc: Value that scores 100.}
  floor: {type: number, default: 0.1, doc: Value that scores 0.}
  weight: {type: number, default: 1, minimum: 0, doc: What its score weighs in the composite.}
*/
WITH about AS (
  SELECT
    audit_case.case_id,
    audit_case.rule_id,
    audit_case.assigned_org_unit_id,
    COALESCE(
      audit_case.account_id, CONCAT(audit_case.subject_type, '/', audit_case.subject_id)
    ) AS row_key,
    CASE
      WHEN
        audit_case.account_id IS NOT NULL
        AND audit_case.subject_type
        IN ('bill', 'payment', 'order', 'service_call', 'reading', 'register_reading', 'inspection')
        THEN CONCAT('account/', audit_case.account_id)
      ELSE CONCAT(audit_case.subject_type, '/', audit_case.subject_id)
    END AS subject
  FROM cases.audit_case
  WHERE audit_case.root_cause_case_id IS NULL
),

verified AS (
  SELECT
    case_event.case_id,
    MONTH_OF(case_event.on_day) AS month,
    MIN(case_event.event_no) AS event_no,
    MIN(case_event.on_day) AS on_day
  FROM kpi.case_event
  WHERE
    case_event.is_entered
    AND case_event.to_state = 'verified'
    AND MONTH_OF(case_event.on_day) >= ADD_MONTHS($period, -23)
    AND MONTH_OF(case_event.on_day) <= ADD_MONTHS($period, -12)
  GROUP BY case_event.case_id, MONTH_OF(case_event.on_day)
),

begun AS (
  SELECT
    case_event.case_id,
    case_event.event_no,
    case_event.on_day,
    about.rule_id,
    about.subject
  FROM kpi.case_event
  JOIN about ON about.case_id = case_event.case_id
  WHERE case_event.step IN ('open', 'reopen')
),

back AS (
  SELECT DISTINCT
    verified.case_id,
    verified.month
  FROM verified
  JOIN about ON about.case_id = verified.case_id
  JOIN begun ON begun.rule_id = about.rule_id AND begun.subject = about.subject
  WHERE
    begun.on_day <= ADD_MONTHS(verified.on_day, 12)
    AND (
      begun.on_day > verified.on_day
      OR (begun.case_id = verified.case_id AND begun.event_no > verified.event_no)
    )
)

SELECT
  ADD_MONTHS(verified.month, 12) AS period,
  CONCAT(verified.case_id, '@', CAST(verified.month AS VARCHAR)) AS row_id,
  about.assigned_org_unit_id AS org_unit_id,
  CAST(NULL AS VARCHAR) AS staff_id,
  about.row_key,
  CASE WHEN back.case_id IS NULL THEN 0 ELSE 1 END AS numerator,
  1 AS denominator
FROM verified
JOIN about ON about.case_id = verified.case_id
LEFT JOIN back ON back.case_id = verified.case_id AND back.month = verified.month
