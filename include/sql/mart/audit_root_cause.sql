/*
grain: one row a finding that follows from another finding
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
SELECT r.rule_id,
       r.subject_type,
       r.subject_id,
       e.period,
       r.cause_rule_id,
       r.cause_subject_type,
       r.cause_subject_id,
       e.account_id,
       c.account_id AS cause_account_id,
       e.at_stake_amount,
       c.at_stake_amount AS cause_at_stake_amount,
       r.explanation
FROM findings.root_cause AS r
JOIN findings.audit_exception AS e
  ON e.rule_id = r.rule_id AND e.subject_type = r.subject_type AND e.subject_id = r.subject_id
JOIN findings.audit_exception AS c
  ON c.rule_id = r.cause_rule_id AND c.subject_type = r.cause_subject_type AND c.subject_id = r.cause_subject_id
