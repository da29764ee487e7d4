/*
grain: one row per rule, subject and audited month
key: [rule_id, subject_type, subject_id, period]
purpose: What the audit found, with the values compared, their limit and the rows they come from.
columns:
  rule_id: {type: string, doc: Rule of the catalogue.}
  subject_type: {type: string, doc: 'What is flagged: account, bill, metering_point and so on.'}
  subject_id: {type: string, doc: Key of the flagged thing.}
  period: {type: date, doc: First day of the audited month.}
  account_id: {type: string, doc: 'Account concerned, where there is one.'}
  customer_id: {type: string, doc: 'Customer concerned, where there is one.'}
  org_unit_id: {type: string, doc: Unit answerable for the account or thing.}
  severity: {type: string, doc: 'high, medium or low.'}
  at_stake_amount: {type: decimal, doc: 'Money that correcting it moves: positive is owed to the utility, negative to the customer.'}
  evidence: {type: string, json: true, doc: 'JSON: the values compared, their limit, and the keys of the rows they come from.'}
  kind: {type: string, doc: 'exception: something is wrong; listing: somebody has to look it over.'}
  message_en: {type: string, doc: 'The finding in a sentence, with the values compared, their limit and the money.'}
  message_zh: {type: string, doc: The same in Chinese.}
*/
SELECT
  audit_exception.rule_id,
  audit_exception.subject_type,
  audit_exception.subject_id,
  audit_exception.period,
  audit_exception.account_id,
  audit_exception.customer_id,
  audit_exception.org_unit_id,
  audit_exception.severity,
  audit_exception.at_stake_amount,
  audit_exception.evidence,
  audit_exception.kind,
  audit_exception.message_en,
  audit_exception.message_zh
FROM findings.audit_exception
