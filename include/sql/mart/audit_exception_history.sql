/*
grain: one row per rule, subject and audited month that any night up to as_of found
key: [rule_id, subject_type, subject_id, period]
purpose: 'Findings of all nights, those that are gone among them: what was there before a change, and since when.'
columns:
  rule_id: {type: string, doc: Rule of the catalogue.}
  subject_type: {type: string, doc: What was flagged.}
  subject_id: {type: string, doc: Its key.}
  period: {type: date, doc: First day of the audited month.}
  first_seen_on: {type: date, doc: First night that found it.}
  last_seen_on: {type: date, doc: Last night that found it; as_of while it is there.}
  nights: {type: integer, doc: 'Nights that found it; one that was run again counts once.'}
*/
WITH night AS (
  SELECT
    finding.rule_id,
    finding.subject_type,
    finding.subject_id,
    finding.period,
    finding.as_of
  FROM audit_state.finding
  WHERE finding.as_of < $as_of OR (finding.as_of = $as_of AND finding.period <> $period)
  UNION ALL
  SELECT
    audit_exception.rule_id,
    audit_exception.subject_type,
    audit_exception.subject_id,
    audit_exception.period,
    $as_of AS as_of
  FROM findings.audit_exception
)

SELECT
  night.rule_id,
  night.subject_type,
  night.subject_id,
  night.period,
  MIN(night.as_of) AS first_seen_on,
  MAX(night.as_of) AS last_seen_on,
  COUNT(*) AS nights
FROM night
GROUP BY night.rule_id, night.subject_type, night.subject_id, night.period
