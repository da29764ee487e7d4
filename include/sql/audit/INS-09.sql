/*
title: Inspection overdue
zh: 用电检查超周期
kind: exception
modes: [nightly]
subject: account
severity: medium
flags: >-
  live, and: a planned inspection more than grace_days past and not performed; or supply_kv at least 10
  and none performed within the months that its voltage asks, opened at least as long ago.
params:
  grace_days: {type: integer, default: 0, minimum: 0, doc: Days a planned inspection may be late.}
  months_by_kv:
    type: rows
    columns: {min_kv: double, months: integer}
    default: [[35, 6], [10, 12]]
    doc: Months between inspections from a supply voltage in kV up; none below the lowest.
messages:
  en: "Last inspected on {last_performed_on}, planned for {overdue_plan_on}; due every {cycle_months} months."
  zh: "上次检查 {last_performed_on}，逾期计划 {overdue_plan_on}，周期 {cycle_months} 个月。"
*/
WITH inspection AS (
  SELECT i.account_id,
         MAX(i.performed_on) AS last_performed_on,
         MIN(i.planned_on) FILTER (WHERE i.performed_on IS NULL AND DATE_DIFF('day', i.planned_on, $as_of) > $grace_days) AS overdue_plan_on
  FROM source.inspection AS i
  GROUP BY i.account_id
),
band AS (
  SELECT b.min_kv, b.months, LEAD(b.min_kv) OVER (ORDER BY b.min_kv NULLS FIRST, b.months NULLS FIRST) AS next_kv
  FROM param.months_by_kv AS b
),
asked AS (
  SELECT b.min_kv, b.next_kv, b.months, ADD_MONTHS($as_of, CAST(-b.months AS INTEGER)) AS due_since
  FROM band AS b
)
SELECT a.account_id AS subject_id,
       a.account_id,
       i.overdue_plan_on IS NOT NULL
         OR COALESCE(a.opened_on <= b.due_since AND (i.last_performed_on IS NULL OR i.last_performed_on < b.due_since), FALSE) AS flagged,
       a.supply_kv,
       i.overdue_plan_on,
       i.last_performed_on,
       b.months AS cycle_months,
       b.due_since,
       a.opened_on,
       $grace_days AS grace_days
FROM core.live_account AS a
LEFT JOIN inspection AS i ON i.account_id = a.account_id
LEFT JOIN asked AS b ON a.supply_kv >= b.min_kv AND (b.next_kv IS NULL OR a.supply_kv < b.next_kv)
