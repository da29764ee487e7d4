/*
grain: one row per finding that follows from another finding
key: [rule_id, subject_type, subject_id, period]
purpose: 'Findings that hang on a cause: with the cause mended and everything calculated anew, they are gone.'
columns:
  rule_id: {type: string, doc: Rule of the finding that follows.}
  subject_type: {type: string, doc: What it flags.}
  subject_id: {type: string, doc: Key of what it flags.}
  period: {type: date, doc: First day of the audited month.}
  cause_rule_id: {type: string, doc: Rule of the finding it follows from.}
  cause_subject_type: {type: string, doc: What that one flags.}
  cause_subject_id: {type: string, doc: Key of what that one flags.}
  account_id: {type: string, doc: Account of the finding that follows, where there is one.}
  cause_account_id: {type: string, doc: Account of the cause, where there is one.}
  at_stake_amount: {type: decimal, doc: Money at stake by the finding that follows.}
  cause_at_stake_amount: {type: decimal, doc: Money at stake by the cause.}
  explanation: {type: string, json: true, doc: 'JSON: the mend in words (if, if_zh), the values changed, whether the month was billed anew, and the values of the finding before and after.'}
*/
SELECT
  root_cause.rule_id,
  root_cause.subject_type,
  root_cause.subject_id,
  audit_exception.period,
  root_cause.cause_rule_id,
  root_cause.cause_subject_type,
  root_cause.cause_subject_id,
  audit_exception.account_id,
  cause.account_id AS cause_account_id,
  audit_exception.at_stake_amount,
  cause.at_stake_amount AS cause_at_stake_amount,
  root_cause.explanation
FROM findings.root_cause
JOIN findings.audit_exception
  ON audit_exception.rule_id = root_cause.rule_id
  AND audit_exception.subject_type = root_cause.subject_type
  AND audit_exception.subject_id = root_cause.subject_id
JOIN findings.audit_exception AS cause
  ON cause.rule_id = root_cause.cause_rule_id
  AND cause.subject_type = root_cause.cause_subject_type
  AND cause.subject_id = root_cause.cause_subject_id
