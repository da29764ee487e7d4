/*
grain: one row per audit rule
key: [rule_id]
purpose: 'The rules of the audit in both languages: when they flag, what to do, what they rest on, and their parameters in force.'
columns:
  rule_id: {type: string, doc: The rule.}
  family: {type: string, doc: The group it belongs to.}
  kind: {type: string, doc: 'exception: something is wrong; listing: somebody has to look it over.'}
  judges: {type: string, doc: 'month: what it says of a subject changes with the audited month alone; state: things as they stand.'}
  severity: {type: string, doc: 'high, medium or low.'}
  title_en: {type: string, doc: What it is called.}
  title_zh: {type: string, doc: The same in Chinese.}
  flags_en: {type: string, doc: Exactly when it flags.}
  flags_zh: {type: string, doc: The same in Chinese.}
  what_to_do_en: {type: string, doc: What somebody does who finds it right.}
  what_to_do_zh: {type: string, doc: The same in Chinese.}
  basis: {type: string, doc: The regulation it rests on; empty where it rests on none.}
  valid_from: {type: date, doc: First day on which it is in force; empty where it always was.}
  valid_to: {type: date, doc: Last day on which it is in force; empty where it has no end.}
  params: {type: string, json: true, doc: 'JSON: its parameters in force on as_of (of a rule that judges the month: at the end of the audited month).'}
*/
SELECT
  rule.rule_id,
  rule.family,
  rule.kind,
  rule.judges,
  rule.severity,
  rule.title_en,
  rule.title_zh,
  rule.flags_en,
  rule.flags_zh,
  rule.what_to_do_en,
  rule.what_to_do_zh,
  rule.basis,
  rule.valid_from,
  rule.valid_to,
  rule.params
FROM core.rule
