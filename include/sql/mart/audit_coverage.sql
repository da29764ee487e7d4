/*
grain: one row a rule and run
key: [rule_id]
purpose: What each rule should have checked, checked and flagged, and what it could not check and why.
columns:
  rule_id: {type: string, doc: Rule of the catalogue.}
  should_check: {type: integer, doc: Subjects the rule speaks of.}
  checked: {type: integer, doc: Subjects judged.}
  flagged: {type: integer, doc: Subjects flagged.}
  not_checked: {type: integer, doc: Subjects that could not be judged.}
  not_checked_reasons: {type: string, json: true, doc: 'JSON: number of subjects by reason; value_missing where a compared value is empty.'}
  seconds: {type: double, doc: Time the rule took.}
*/
SELECT c.rule_id, c.should_check, c.checked, c.flagged, c.not_checked, c.not_checked_reasons, c.seconds
FROM findings.audit_coverage AS c
