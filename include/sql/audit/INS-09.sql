/*
title: Inspection overdue
zh: 用电检查超周期
flags_zh: 在用账户的计划检查超过计划日 grace_days 天未执行；或供电电压 10 kV 及以上的账户在该电压等级规定的月数内未检查（立户不足该月数的除外）。
what_to_do:
  en: Inspect the account and record it the same day; bring the plan to the cycle of its voltage.
  zh: 尽快完成现场检查并当日录入，按电压等级的检查周期修订检查计划。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: state
proof: same
moves: [due_since]
site: true
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
  en:
    - "The inspection planned for {overdue_plan_on} has not been made; the last was on {last_performed_on}."
    - "The inspection planned for {overdue_plan_on} has not been made."
    - "The last inspection was on {last_performed_on}; at {supply_kv} kV one is due every {cycle_months} months."
    - "The account has never been inspected; at {supply_kv} kV that is due every {cycle_months} months."
  zh:
    - "计划于 {overdue_plan_on} 的检查未执行，上次检查日期为 {last_performed_on}。"
    - "计划于 {overdue_plan_on} 的检查未执行。"
    - "上次检查日期为 {last_performed_on}，{supply_kv} kV 客户应每 {cycle_months} 个月检查一次。"
    - "该户从未检查，{supply_kv} kV 客户应每 {cycle_months} 个月检查一次。"
*/
WITH inspection AS (
  SELECT
    inspection.account_id,
    MAX(inspection.performed_on) AS last_performed_on,
    MIN(inspection.planned_on) FILTER (
      WHERE inspection.performed_on IS NULL AND DATE_DIFF('day', inspection.planned_on, $as_of) > $grace_days
    ) AS overdue_plan_on
  FROM source.inspection
  GROUP BY inspection.account_id
),

band AS (
  SELECT
    months_by_kv.min_kv,
    months_by_kv.months,
    LEAD(months_by_kv.min_kv)
      OVER (ORDER BY months_by_kv.min_kv NULLS FIRST, months_by_kv.months NULLS FIRST)
      AS next_kv
  FROM param.months_by_kv
),

asked AS (
  SELECT
    band.min_kv,
    band.next_kv,
    band.months,
    ADD_MONTHS($as_of, CAST(-band.months AS INTEGER)) AS due_since
  FROM band
)

SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  inspection.overdue_plan_on IS NOT NULL
  OR COALESCE(
    live_account.opened_on <= asked.due_since
    AND (inspection.last_performed_on IS NULL OR inspection.last_performed_on < asked.due_since),
    FALSE
  ) AS flagged,
  live_account.supply_kv,
  inspection.overdue_plan_on,
  inspection.last_performed_on,
  asked.months AS cycle_months,
  asked.due_since,
  live_account.opened_on,
  $grace_days AS grace_days
FROM core.live_account
LEFT JOIN inspection ON inspection.account_id = live_account.account_id
LEFT JOIN asked
  ON live_account.supply_kv >= asked.min_kv
  AND (asked.next_kv IS NULL OR live_account.supply_kv < asked.next_kv)
