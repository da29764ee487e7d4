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
  SELECT v.violation_id,
         v.account_id,
         v.kind,
         v.found_on,
         v.notice_issued_on,
         v.approved_on,
         v.closed_on,
         v.recovered_kwh,
         v.recovered_amount,
         v.penalty_amount,
         ROUND($penalty_times * CAST(v.recovered_amount AS DOUBLE), 6) AS penalty_due,
         DATE_DIFF('day', v.found_on, $as_of) > $max_days
           AND (v.notice_issued_on IS NULL OR v.approved_on IS NULL OR v.closed_on IS NULL) AS is_late,
         v.kind = 'theft' AND v.closed_on IS NOT NULL AS is_closed_theft
  FROM source.violation_case AS v
)
SELECT j.violation_id AS subject_id,
       j.account_id,
       j.is_late
         OR (j.is_closed_theft
             AND (j.recovered_kwh IS NULL OR j.recovered_amount IS NULL OR j.penalty_amount IS NULL
                  OR ROUND(ABS(CAST(j.penalty_amount AS DOUBLE) - j.penalty_due), 6) > ROUND(0.01 * ABS(j.penalty_due), 6))) AS flagged,
       CASE WHEN j.kind = 'theft'
            THEN MONEY(j.penalty_due - CAST(COALESCE(j.penalty_amount, 0) AS DOUBLE))
       END AS at_stake_amount,
       j.kind AS violation_kind,
       CONCAT_WS(', ',
         CASE WHEN j.is_late AND j.notice_issued_on IS NULL THEN 'notice_issued_on' END,
         CASE WHEN j.is_late AND j.approved_on IS NULL THEN 'approved_on' END,
         CASE WHEN j.is_late AND j.closed_on IS NULL THEN 'closed_on' END,
         CASE WHEN j.is_closed_theft AND j.recovered_kwh IS NULL THEN 'recovered_kwh' END,
         CASE WHEN j.is_closed_theft AND j.recovered_amount IS NULL THEN 'recovered_amount' END,
         CASE WHEN j.is_closed_theft AND j.penalty_amount IS NULL THEN 'penalty_amount' END) AS missing,
       j.found_on,
       j.notice_issued_on,
       j.approved_on,
       j.closed_on,
       j.recovered_kwh,
       j.recovered_amount,
       j.penalty_amount,
       j.penalty_due,
       $max_days AS max_days
FROM judged AS j
