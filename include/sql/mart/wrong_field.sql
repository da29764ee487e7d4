/*
grain: one row per unit and field
key: [org_unit_id, field]
purpose: Which fields of customer records are wrong most often, by unit.
columns:
  org_unit_id: {type: string, doc: The unit.}
  field: {type: string, doc: The field.}
  missing: {type: integer, doc: Records without it.}
  not_valid: {type: integer, doc: Records with a wrong value.}
  records: {type: integer, doc: Customer records of the unit with a live account.}
  wrong_share: {type: double, doc: missing and not_valid over records.}
*/
WITH record AS (
  SELECT
    account.org_unit_id,
    COUNT(*) AS records
  FROM segment.customer_base
  JOIN source.account ON account.account_id = customer_base.main_account_id
  GROUP BY account.org_unit_id
),

wrong AS (
  SELECT
    record_proposal.org_unit_id,
    record_proposal.field,
    COUNT(*) FILTER (WHERE record_proposal.reason = 'missing') AS missing,
    COUNT(*) FILTER (WHERE record_proposal.reason = 'not valid') AS not_valid
  FROM mart.record_proposal
  WHERE record_proposal.proposal = 'mend' AND record_proposal.org_unit_id IS NOT NULL
  GROUP BY record_proposal.org_unit_id, record_proposal.field
)

SELECT
  wrong.org_unit_id,
  wrong.field,
  wrong.missing,
  wrong.not_valid,
  record.records,
  ROUND(RATIO(wrong.missing + wrong.not_valid, record.records), 6) AS wrong_share
FROM wrong
JOIN record ON record.org_unit_id = wrong.org_unit_id
