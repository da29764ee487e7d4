/*
title: Breach or theft not handled by the book
zh: 违约窃电处理不规范
flags_zh: "查处超过 max_days 天，通知书、审批或结案日期为空；或窃电已结案而追补电量、追补电费或违约使用电费为空，或违约使用电费与 penalty_times × 追补电费相差超过 1%（ceiling_from 起查处的：高于该倍数 1% 以上）。"
what_to_do:
  en: >-
    Complete the missing step; correct the penalty to what the rule allows and refund or collect the
    difference.
  zh: 补齐缺失的处理环节；违约使用电费按规定倍数更正，多收的退还，少收的补收。
kind: exception
modes: [nightly]
subject: violation
severity: high
judges: state
proof: same
basis: "供电营业规则 (2024-06-01; before: 1996)"
changed: [{from: 2024-06-01, what: "Three times the recovered amount is the most that may be asked, before it was what was due."}]
flags: >-
  found more than max_days before as_of and notice_issued_on, approved_on or closed_on empty; or theft,
  closed, with recovered_kwh, recovered_amount or penalty_amount empty, or penalty_amount off by more than
  1% from penalty_times x recovered_amount (found on or after ceiling_from: above it by more than 1%).
at_stake: 'penalty_times x recovered_amount less penalty_amount; where a ceiling, not above 0'
params:
  max_days: {type: integer, default: 30, minimum: 0, doc: Days after finding in which a case is to be settled.}
  penalty_times: {type: number, default: 3, minimum: 0, doc: Penalty as a multiple of the recovered amount.}
  ceiling_from: {type: date, default: 2024-06-01, doc: Of cases found from this day on the multiple is the most that may be asked.}
messages:
  en:
    - "The case found on {found_on} lacks: {missing}. It is to be settled within {max_days} days."
    - "In the case found on {found_on} the penalty is {penalty_amount}; at most {penalty_ceiling} is allowed."
    - "In the case found on {found_on} the penalty is {penalty_amount}; due is {penalty_due}."
    - "The case found on {found_on} was not handled within {max_days} days."
  zh:
    - "{found_on} 查处的案件缺少：{missing}，应在 {max_days} 天内办结。"
    - "{found_on} 查处的案件，违约使用电费 {penalty_amount} 元，上限 {penalty_ceiling} 元。"
    - "{found_on} 查处的案件，违约使用电费 {penalty_amount} 元，应为 {penalty_due} 元。"
    - "{found_on} 查处的案件超过 {max_days} 天未按规定处理。"
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
    violation_case.found_on >= $ceiling_from AS is_ceiling,
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
      OR ROUND(
        CASE
          WHEN judged.is_ceiling THEN CAST(judged.penalty_amount AS DOUBLE) - judged.penalty_due
          ELSE ABS(CAST(judged.penalty_amount AS DOUBLE) - judged.penalty_due)
        END, 6
      )
      > ROUND(0.01 * ABS(judged.penalty_due), 6)
    )
  ) AS flagged,
  CASE
    WHEN judged.kind = 'theft' AND judged.is_ceiling AND judged.recovered_amount IS NOT NULL
      THEN MONEY(LEAST(judged.penalty_due - CAST(COALESCE(judged.penalty_amount, 0) AS DOUBLE), 0))
    WHEN judged.kind = 'theft'
      THEN MONEY(judged.penalty_due - CAST(COALESCE(judged.penalty_amount, 0) AS DOUBLE))
  END AS at_stake_amount,
  judged.kind AS violation_kind,
  NULLIF(CONCAT_WS(
    ', ',
    CASE WHEN judged.is_late AND judged.notice_issued_on IS NULL THEN 'notice_issued_on' END,
    CASE WHEN judged.is_late AND judged.approved_on IS NULL THEN 'approved_on' END,
    CASE WHEN judged.is_late AND judged.closed_on IS NULL THEN 'closed_on' END,
    CASE WHEN judged.is_closed_theft AND judged.recovered_kwh IS NULL THEN 'recovered_kwh' END,
    CASE WHEN judged.is_closed_theft AND judged.recovered_amount IS NULL THEN 'recovered_amount' END,
    CASE WHEN judged.is_closed_theft AND judged.penalty_amount IS NULL THEN 'penalty_amount' END
  ), '') AS missing,
  judged.found_on,
  judged.notice_issued_on,
  judged.approved_on,
  judged.closed_on,
  judged.recovered_kwh,
  judged.recovered_amount,
  judged.penalty_amount,
  judged.penalty_due,
  CASE WHEN judged.is_ceiling THEN judged.penalty_due END AS penalty_ceiling,
  $ceiling_from AS ceiling_from,
  $max_days AS max_days
FROM judged
