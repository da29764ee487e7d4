/*
grain: one row per case that is no effect and due date that stood on its day
key: [period, row_id]
purpose: >-
  Of the due dates of a month that stood on their day and are over, those by which the case was dismissed, proved, or
  mended for good: by the rule's proof not reopened by the night within 30 days, not found in the month after, or
  accepted within 30 days.
view: true
title: Cases settled by their due date
zh: 稽查整改及时率
post: manager
better: high
form: share
share: true
rules: []
params:
  standard: {type: number, default: 1.0, doc: Value that scores 100.}
  floor: {type: number, default: 0.8, doc: Value that scores 0.}
  weight: {type: number, default: 3, minimum: 0, doc: What its score weighs in the composite.}
*/
WITH standing AS (
  SELECT
    case_event.case_id,
    case_event.event_no,
    case_event.to_state,
    case_event.rectified_on,
    case_event.org_unit_id,
    case_event.due_on
  FROM kpi.case_event
  WHERE case_event.due_on < $as_of AND case_event.due_on >= ADD_MONTHS($period, -11)
),

-- What stood at the end of the day that was due: the last event up to then, if it left this due date.
last_before AS (
  SELECT
    standing.case_id,
    standing.due_on,
    MAX(case_event.event_no) AS event_no
  FROM (SELECT DISTINCT
    standing.case_id,
    standing.due_on
  FROM standing) AS standing
  JOIN kpi.case_event
    ON case_event.case_id = standing.case_id AND case_event.on_day <= standing.due_on
  GROUP BY standing.case_id, standing.due_on
),

due AS (
  SELECT
    standing.case_id,
    standing.event_no,
    standing.to_state,
    standing.rectified_on,
    standing.org_unit_id,
    standing.due_on
  FROM last_before
  JOIN standing
    ON standing.case_id = last_before.case_id
    AND standing.event_no = last_before.event_no
    AND standing.due_on = last_before.due_on
  WHERE standing.due_on <= $period_end
),

followed AS (
  SELECT
    due.case_id,
    due.due_on,
    BOOL_OR(case_event.step = 'reopen' AND case_event.is_night) AS is_reopened,
    BOOL_OR(case_event.step = 'accept') AS is_accepted
  FROM due
  JOIN kpi.case_event
    ON case_event.case_id = due.case_id
    AND case_event.event_no > due.event_no
    AND DATE_DIFF('day', due.rectified_on, case_event.on_day) <= 30
  WHERE due.to_state = 'rectified'
  GROUP BY due.case_id, due.due_on
)

SELECT
  MONTH_OF(due.due_on) AS period,
  CONCAT(due.case_id, '@', CAST(due.due_on AS VARCHAR)) AS row_id,
  due.org_unit_id,
  CAST(NULL AS VARCHAR) AS staff_id,
  COALESCE(
    audit_case.account_id, CONCAT(audit_case.subject_type, '/', audit_case.subject_id)
  ) AS row_key,
  CASE
    WHEN due.to_state IN ('dismissed', 'verified', 'closed') THEN 1
    WHEN due.to_state <> 'rectified' THEN 0
    WHEN rule.proof = 'same' THEN CASE WHEN COALESCE(followed.is_reopened, FALSE) THEN 0 ELSE 1 END
    WHEN rule.proof = 'next' THEN CASE WHEN again.case_id IS NULL THEN 1 ELSE 0 END
    WHEN followed.is_accepted THEN 1
    ELSE 0
  END AS numerator,
  1 AS denominator
FROM due
JOIN cases.audit_case ON audit_case.case_id = due.case_id
LEFT JOIN core.rule ON rule.rule_id = audit_case.rule_id
LEFT JOIN followed ON followed.case_id = due.case_id AND followed.due_on = due.due_on
LEFT JOIN cases.audit_case AS again
  ON again.rule_id = audit_case.rule_id
  AND again.subject_type = audit_case.subject_type
  AND again.subject_id = audit_case.subject_id
  AND again.period = ADD_MONTHS(MONTH_OF(due.rectified_on), 1)
