/*
grain: one row per rule and run
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
SELECT
  audit_coverage.rule_id,
  audit_coverage.should_check,
  audit_coverage.checked,
  audit_coverage.flagged,
  audit_coverage.not_checked,
  audit_coverage.not_checked_reasons,
  audit_coverage.seconds
FROM findings.audit_coverage
