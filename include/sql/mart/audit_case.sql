/*
grain: one row per audit case
key: [case_id]
purpose: 'What became of findings: each case as it stands, with decision, money, hours and outcome. Without names and logins.'
columns:
  case_id: {type: string, doc: 'Made of rule, subject and month alone.'}
  rule_id: {type: string, doc: Rule of the catalogue; MANUAL where a person or the lot opened it by hand.}
  subject_type: {type: string, doc: What the case is about.}
  subject_id: {type: string, doc: Its key.}
  period: {type: date, doc: First day of the month of a rule that judges months; else empty.}
  account_id: {type: string, doc: Account it concerns.}
  customer_id: {type: string, doc: Customer it concerns.}
  org_unit_id: {type: string, doc: Unit of the finding.}
  first_seen_on: {type: date, doc: First night that found it.}
  last_seen_on: {type: date, doc: Last night that found it.}
  state: {type: string, doc: What became of it so far.}
  severity: {type: string, doc: Of the night that found it last.}
  at_stake_amount: {type: decimal, doc: 'Money at stake, of the night that found it last; positive is owed to the utility.'}
  evidence: {type: string, json: true, doc: 'JSON: the values compared, of the night that found it last.'}
  evidence_hash: {type: string, doc: 'Hash of the compared values, without limits and what only the calendar moves.'}
  message_en: {type: string, doc: The finding in words.}
  message_zh: {type: string, doc: 'The finding in words, in Chinese.'}
  assigned_org_unit_id: {type: string, doc: Unit it is assigned to.}
  assigned_to: {type: string, doc: Member of staff it is assigned to.}
  due_on: {type: date, doc: Day it is due.}
  root_cause_case_id: {type: string, doc: 'Case it is an effect of, while it is.'}
  cause_kind: {type: string, doc: 'How it hangs on its cause: earlier_month (money of its own), effect_of, or person (both its cause''s money).'}
  opened_at: {type: timestamp, doc: Instant it was opened.}
  opened_on: {type: date, doc: Day its opening counts for.}
  closed_at: {type: timestamp, doc: Instant it was filed.}
  closed_on: {type: date, doc: Day its filing counts for.}
  outcome: {type: string, doc: How it ended.}
  version: {type: integer, doc: Number of its newest event.}
  treatment: {type: string, doc: 'What is to be done about it, as confirmed or proposed.'}
  reason: {type: string, doc: 'Why it was dismissed, or is proposed to be.'}
  exempt_until: {type: date, doc: Last day of the exemption that its dismissal made.}
  confirmed_amount: {type: decimal, doc: Money as confirmed.}
  responsible_org_unit_id: {type: string, doc: Unit that has to mend it.}
  hours: {type: decimal, doc: Hours spent on it.}
  decided_at: {type: timestamp, doc: Instant of its newest decision.}
  decided_on: {type: date, doc: Day that decision counts for.}
  rectified_at: {type: timestamp, doc: Instant it was said to be mended.}
  rectified_on: {type: date, doc: Day that counts for.}
  verified_at: {type: timestamp, doc: Instant of its newest verification.}
  verified_on: {type: date, doc: Day that counts for.}
  reopened_at: {type: timestamp, doc: Instant it was reopened last.}
  reopened_on: {type: date, doc: Day that counts for.}
  is_off: {type: boolean, doc: 'Its rule is not used: no night judges it.'}
*/
SELECT
  audit_case.case_id,
  audit_case.rule_id,
  audit_case.subject_type,
  audit_case.subject_id,
  audit_case.period,
  audit_case.account_id,
  audit_case.customer_id,
  audit_case.org_unit_id,
  audit_case.first_seen_on,
  audit_case.last_seen_on,
  audit_case.state,
  audit_case.severity,
  audit_case.at_stake_amount,
  audit_case.evidence,
  audit_case.evidence_hash,
  audit_case.message_en,
  audit_case.message_zh,
  audit_case.assigned_org_unit_id,
  audit_case.assigned_to,
  audit_case.due_on,
  audit_case.root_cause_case_id,
  audit_case.cause_kind,
  audit_case.opened_at,
  audit_case.opened_on,
  audit_case.closed_at,
  audit_case.closed_on,
  audit_case.outcome,
  audit_case.version,
  audit_case.treatment,
  audit_case.reason,
  audit_case.exempt_until,
  audit_case.confirmed_amount,
  audit_case.responsible_org_unit_id,
  audit_case.hours,
  audit_case.decided_at,
  audit_case.decided_on,
  audit_case.rectified_at,
  audit_case.rectified_on,
  audit_case.verified_at,
  audit_case.verified_on,
  audit_case.reopened_at,
  audit_case.reopened_on,
  audit_case.is_off
FROM cases.audit_case
