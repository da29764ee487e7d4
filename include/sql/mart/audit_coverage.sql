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
  flagged_share: {type: double, doc: flagged over checked; empty where nothing was judged.}
  is_flood: {type: boolean, doc: 'The share is above flood_share: what the findings have in common is in mart.audit_flood.'}
params:
  flood_share: {type: number, default: 0.01, minimum: 0, maximum: 1, doc: Share of what a rule judged above which its findings are marked.}
*/
SELECT
  audit_coverage.rule_id,
  audit_coverage.should_check,
  audit_coverage.checked,
  audit_coverage.flagged,
  audit_coverage.not_checked,
  audit_coverage.not_checked_reasons,
  audit_coverage.seconds,
  ROUND(RATIO(audit_coverage.flagged, audit_coverage.checked), 6) AS flagged_share,
  COALESCE(RATIO(audit_coverage.flagged, audit_coverage.checked) > $flood_share, FALSE) AS is_flood
FROM findings.audit_coverage
