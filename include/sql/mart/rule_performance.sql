/*
grain: one row per rule, span and period in which anything became of its cases
key: [rule_id, span, period]
purpose: 'What each rule is worth: how often it is right, what came of it, what it cost. Cases about a rule itself are left out.'
columns:
  rule_id: {type: string, doc: 'Rule of the catalogue; MANUAL: cases opened by hand or by lot.'}
  span: {type: string, doc: 'month, quarter or year.'}
  period: {type: date, doc: First day of the span.}
  opened: {type: integer, doc: Cases opened.}
  decided: {type: integer, doc: 'Cases whose newest decision lies in the period, confirmed or dismissed.'}
  confirmed: {type: integer, doc: Of these confirmed.}
  dismissed: {type: integer, doc: Of these dismissed.}
  rule_wrong: {type: integer, doc: 'Of the dismissed: because the rule is wrong.'}
  vanished: {type: integer, doc: Cases that a later night found no more and that nobody had mended.}
  reopened: {type: integer, doc: Times that a case was reopened.}
  confirmed_share: {type: double, doc: confirmed over decided.}
  confirmed_share_low: {type: double, doc: Lower limit of that share by Wilson's 95% interval.}
  confirmed_share_high: {type: double, doc: Upper limit.}
  drawn_decided: {type: integer, doc: Cases drawn by lot whose first decision after the draw lies in the period.}
  unbiased_share: {type: double, doc: 'Share confirmed of all that was found, from the drawn ones, each weighed by 1 over its probability; empty where fewer than cases.least_decided are decided. Of MANUAL: share of accounts on which something was missed.'}
  recovered_amount: {type: decimal, doc: '|Confirmed money| of cases proved mended or accepted in the period, while they stand so.'}
  hours: {type: decimal, doc: Hours that people reported.}
  amount_per_hour: {type: double, doc: recovered_amount over hours.}
  is_in_question: {type: boolean, doc: 'So seldom right that it is proposed to tighten or retire it: cases.least_decided decided or more, and confirmed_share_high below cases.tighten_share.'}
*/
WITH looked_at AS (
  SELECT
    audit_case.case_id,
    audit_case.rule_id,
    audit_case.state,
    audit_case.outcome,
    audit_case.reason,
    audit_case.confirmed_amount,
    audit_case.verified_on,
    audit_case.cause_kind,
    audit_case.root_cause_case_id
  FROM cases.audit_case
  WHERE audit_case.subject_type <> 'rule'
),

happened AS (
  SELECT
    looked_at.rule_id,
    looked_at.reason,
    event.case_id,
    event.event_no,
    event.on_day,
    event.step,
    event.to_state,
    event.outcome,
    event.hours,
    event.is_night,
    event.step IN ('propose_confirm', 'propose_dismiss', 'approve')
    AND event.to_state IN ('confirmed', 'dismissed')
      AS is_decision
  FROM cases.audit_case_event AS event
  JOIN looked_at ON looked_at.case_id = event.case_id
  WHERE event.on_day <= $as_of
),

decision AS (
  SELECT
    happened.rule_id,
    happened.case_id,
    happened.event_no,
    happened.on_day,
    happened.to_state,
    happened.reason,
    ROW_NUMBER() OVER (PARTITION BY happened.case_id ORDER BY happened.event_no) AS first_no,
    ROW_NUMBER() OVER (PARTITION BY happened.case_id ORDER BY happened.event_no DESC) AS last_no
  FROM happened
  WHERE happened.is_decision
),

opened_by_night AS (
  SELECT happened.case_id
  FROM happened
  WHERE happened.event_no = 1 AND happened.is_night
),

first_after AS (
  SELECT
    worklist.case_id,
    worklist.week,
    MIN(worklist.probability) AS probability,
    MIN(decision.event_no) AS event_no
  FROM cases.audit_worklist AS worklist
  JOIN decision
    ON
    decision.case_id = worklist.case_id
    AND COALESCE(decision.event_no > worklist.case_version, decision.on_day >= worklist.week)
  WHERE worklist.chosen_as = 'random' AND worklist.probability > 0
  GROUP BY worklist.case_id, worklist.week
),

drawn AS (
  SELECT
    first_after.case_id,
    first_after.event_no,
    MIN(first_after.probability) AS probability
  FROM first_after
  GROUP BY first_after.case_id, first_after.event_no
),

fact AS (
  SELECT
    happened.rule_id,
    happened.on_day,
    CASE happened.step WHEN 'open' THEN 'opened' WHEN 'reopen' THEN 'reopened' ELSE 'vanished' END AS what,
    1.0 AS weight,
    MONEY(0) AS amount
  FROM happened
  WHERE happened.step IN ('open', 'reopen') OR (happened.step = 'verify' AND happened.outcome = 'vanished')
  UNION ALL
  SELECT
    decision.rule_id,
    decision.on_day,
    decision.to_state AS what,
    1.0 AS weight,
    MONEY(0) AS amount
  FROM decision
  WHERE decision.last_no = 1
  UNION ALL
  SELECT
    decision.rule_id,
    decision.on_day,
    'rule_wrong' AS what,
    1.0 AS weight,
    MONEY(0) AS amount
  FROM decision
  WHERE decision.last_no = 1 AND decision.to_state = 'dismissed' AND decision.reason = 'rule_wrong'
  UNION ALL
  SELECT
    decision.rule_id,
    decision.on_day,
    CASE decision.to_state WHEN 'confirmed' THEN 'drawn_confirmed' ELSE 'drawn_dismissed' END AS what,
    RATIO(1, drawn.probability) AS weight,
    MONEY(0) AS amount
  FROM drawn
  JOIN decision ON decision.case_id = drawn.case_id AND decision.event_no = drawn.event_no
  LEFT JOIN opened_by_night ON opened_by_night.case_id = drawn.case_id
  WHERE decision.rule_id <> 'MANUAL' OR (opened_by_night.case_id IS NOT NULL AND decision.first_no = 1)
  UNION ALL
  SELECT
    looked_at.rule_id,
    looked_at.verified_on AS on_day,
    'recovered' AS what,
    1.0 AS weight,
    ABS(looked_at.confirmed_amount) AS amount
  FROM looked_at
  WHERE
    looked_at.state IN ('verified', 'closed')
    AND looked_at.outcome IN ('mended', 'accepted')
    AND looked_at.confirmed_amount IS NOT NULL
    AND looked_at.verified_on <= $as_of
    AND NOT COALESCE(
      looked_at.root_cause_case_id IS NOT NULL AND looked_at.cause_kind <> 'earlier_month', FALSE
    )
  UNION ALL
  SELECT
    happened.rule_id,
    happened.on_day,
    'hours' AS what,
    1.0 AS weight,
    happened.hours AS amount
  FROM happened
  WHERE happened.hours IS NOT NULL
),

in_span AS (
  SELECT
    fact.rule_id,
    span.span,
    CASE span.span
      WHEN 'month' THEN MONTH_OF(fact.on_day)
      WHEN 'quarter' THEN CAST(DATE_TRUNC('quarter', fact.on_day) AS DATE)
      ELSE CAST(DATE_TRUNC('year', fact.on_day) AS DATE)
    END AS period,
    fact.what,
    fact.weight,
    fact.amount
  FROM fact
  CROSS JOIN (VALUES ('month'), ('quarter'), ('year')) AS span (span)
),

summed AS (
  SELECT
    in_span.rule_id,
    in_span.span,
    in_span.period,
    COUNT(*) FILTER (WHERE in_span.what = 'opened') AS opened,
    COUNT(*) FILTER (WHERE in_span.what IN ('confirmed', 'dismissed')) AS decided,
    COUNT(*) FILTER (WHERE in_span.what = 'confirmed') AS confirmed,
    COUNT(*) FILTER (WHERE in_span.what = 'dismissed') AS dismissed,
    COUNT(*) FILTER (WHERE in_span.what = 'rule_wrong') AS rule_wrong,
    COUNT(*) FILTER (WHERE in_span.what = 'vanished') AS vanished,
    COUNT(*) FILTER (WHERE in_span.what = 'reopened') AS reopened,
    COUNT(*) FILTER (WHERE in_span.what IN ('drawn_confirmed', 'drawn_dismissed')) AS drawn_decided,
    SUM(in_span.weight) FILTER (WHERE in_span.what = 'drawn_confirmed') AS drawn_confirmed_weight,
    SUM(in_span.weight) FILTER (WHERE in_span.what IN ('drawn_confirmed', 'drawn_dismissed')) AS drawn_weight,
    COALESCE(SUM(in_span.amount) FILTER (WHERE in_span.what = 'recovered'), 0) AS recovered_amount,
    COALESCE(SUM(in_span.amount) FILTER (WHERE in_span.what = 'hours'), 0) AS hours
  FROM in_span
  GROUP BY in_span.rule_id, in_span.span, in_span.period
),

judged AS (
  SELECT
    summed.*,
    RATIO(summed.confirmed, summed.decided) AS confirmed_share,
    1.959963984540054
    * SQRT(3.841458820694124 + 4 * summed.confirmed * (1 - RATIO(summed.confirmed, summed.decided)))
      AS half_width,
    2 * (summed.decided + 3.841458820694124) AS wilson_denominator
  FROM summed
)

SELECT
  judged.rule_id,
  judged.span,
  judged.period,
  judged.opened,
  judged.decided,
  judged.confirmed,
  judged.dismissed,
  judged.rule_wrong,
  judged.vanished,
  judged.reopened,
  judged.confirmed_share,
  CASE
    WHEN judged.confirmed > 0
      THEN RATIO(2 * judged.confirmed + 3.841458820694124 - judged.half_width, judged.wilson_denominator)
    WHEN judged.decided > 0 THEN 0.0
  END AS confirmed_share_low,
  RATIO(2 * judged.confirmed + 3.841458820694124 + judged.half_width, judged.wilson_denominator)
    AS confirmed_share_high,
  judged.drawn_decided,
  CASE
    WHEN judged.drawn_decided >= setting.least_decided
      THEN RATIO(COALESCE(judged.drawn_confirmed_weight, 0), judged.drawn_weight)
  END AS unbiased_share,
  MONEY(judged.recovered_amount) AS recovered_amount,
  MONEY(judged.hours) AS hours,
  RATIO(judged.recovered_amount, judged.hours) AS amount_per_hour,
  COALESCE(
    judged.rule_id <> 'MANUAL'
    AND judged.decided >= setting.least_decided
    AND RATIO(2 * judged.confirmed + 3.841458820694124 + judged.half_width, judged.wilson_denominator)
    < setting.tighten_share,
    FALSE
  ) AS is_in_question
FROM judged
CROSS JOIN cases.setting
