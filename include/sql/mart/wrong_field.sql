/*
grain: one row a unit and field
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
  SELECT a.org_unit_id, COUNT(*) AS records
  FROM segment.customer_base AS b
  JOIN source.account AS a ON a.account_id = b.main_account_id
  GROUP BY a.org_unit_id
),
wrong AS (
  SELECT p.org_unit_id, p.field,
         COUNT(*) FILTER (WHERE p.reason = 'missing') AS missing,
         COUNT(*) FILTER (WHERE p.reason = 'not valid') AS not_valid
  FROM mart.record_proposal AS p
  WHERE p.proposal = 'mend' AND p.org_unit_id IS NOT NULL
  GROUP BY p.org_unit_id, p.field
)
SELECT w.org_unit_id, w.field, w.missing, w.not_valid, r.records,
       ROUND(RATIO(w.missing + w.not_valid, r.records), 6) AS wrong_share
FROM wrong AS w
JOIN record AS r ON r.org_unit_id = w.org_unit_id
