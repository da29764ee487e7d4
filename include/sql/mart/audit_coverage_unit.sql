/*
grain: one row per rule and unit that has subjects of it
key: [rule_id, org_unit_id]
purpose: 'What each rule should have checked, checked and flagged, by the unit that the subjects belong to; sums to audit_coverage.'
columns:
  rule_id: {type: string, doc: Rule of the catalogue.}
  org_unit_id: {type: string, doc: 'The subjects'' own unit, not those above it.'}
  should_check: {type: integer, doc: Subjects the rule speaks of.}
  checked: {type: integer, doc: Subjects judged.}
  flagged: {type: integer, doc: Subjects flagged.}
  not_checked: {type: integer, doc: Subjects that could not be judged.}
*/
SELECT
  audit_coverage_unit.rule_id,
  audit_coverage_unit.org_unit_id,
  audit_coverage_unit.should_check,
  audit_coverage_unit.checked,
  audit_coverage_unit.flagged,
  audit_coverage_unit.not_checked
FROM findings.audit_coverage_unit
