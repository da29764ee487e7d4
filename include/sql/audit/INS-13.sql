/*
title: Breach or theft not handled by the book
zh: 违约窃电处理不规范
kind: exception
modes: [nightly]
subject: violation
severity: high
flags: >-
  found more than max_days before as_of and notice_issued_on, approved_on or closed_on empty; or theft,
  closed, with recovered_kwh, recovered_amount or penalty_amount empty, or penalty_amount off by more than
  1% from penalty_times x recovered_amount.
at_stake: penalty_times x recovered_amount less penalty_amount
params:
  max_days: {type: integer, default: 30, minimum: 0, doc: Days after finding in which a case is to be settled.}
  penalty_times: {type: number, default: 3, minimum: 0, doc: Penalty as a multiple of the recovered amount.}
messages:
  en: "Found on {found_on}; missing: {missing}; penalty {penalty_amount}, due {penalty_due}."
  zh: "{found_on} 发现；缺少：{missing}；违约使用电费 {penalty_amount}，应为 {penalty_due}。"
*/
WITH judged AS (
  SELECT
    violation_case.violation_id,
    violation_case.account_id,
    violation_case.kind,
    violation_case.found_on,
    violation_case.notice_issued_on,
    violation_case.approved_on,
    violation_case.closed_on,
    violation_case.recovered_kwh,
    violation_case.recovered_amount,
    violation_case.penalty_amount,
    ROUND($penalty_times * CAST(violation_case.recovered_amount AS DOUBLE), 6) AS penalty_due,
    DATE_DIFF('day', violation_case.found_on, $as_of) > $max_days
    AND (
      violation_case.notice_issued_on IS NULL
      OR violation_case.approved_on IS NULL
      OR violation_case.closed_on IS NULL
    ) AS is_late,
    violation_case.kind = 'theft' AND violation_case.closed_on IS NOT NULL AS is_closed_theft
  FROM source.violation_case
)

SELECT
  judged.violation_id AS subject_id,
  judged.account_id,
  judged.is_late
  OR (
    judged.is_closed_theft
    AND (
      judged.recovered_kwh IS NULL OR judged.recovered_amount IS NULL OR judged.penalty_amount IS NULL
      OR ROUND(ABS(CAST(judged.penalty_amount AS DOUBLE) - judged.penalty_due), 6)
      > ROUND(0.01 * ABS(judged.penalty_due), 6)
    )
  ) AS flagged,
  CASE
    WHEN judged.kind = 'theft'
      THEN MONEY(judged.penalty_due - CAST(COALESCE(judged.penalty_amount, 0) AS DOUBLE))
  END AS at_stake_amount,
  judged.kind AS violation_kind,
  CONCAT_WS(
    ', ',
    CASE WHEN judged.is_late AND judged.notice_issued_on IS NULL THEN 'notice_issued_on' END,
    CASE WHEN judged.is_late AND judged.approved_on IS NULL THEN 'approved_on' END,
    CASE WHEN judged.is_late AND judged.closed_on IS NULL THEN 'closed_on' END,
    CASE WHEN judged.is_closed_theft AND judged.recovered_kwh IS NULL THEN 'recovered_kwh' END,
    CASE WHEN judged.is_closed_theft AND judged.recovered_amount IS NULL THEN 'recovered_amount' END,
    CASE WHEN judged.is_closed_theft AND judged.penalty_amount IS NULL THEN 'penalty_amount' END
  ) AS missing,
  judged.found_on,
  judged.notice_issued_on,
  judged.approved_on,
  judged.closed_on,
  judged.recovered_kwh,
  judged.recovered_amount,
  judged.penalty_amount,
  judged.penalty_due,
  $max_days AS max_days
FROM judged
