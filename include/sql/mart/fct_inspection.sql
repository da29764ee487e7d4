/*
grain: one row per inspection
key: [inspection_id]
purpose: Site inspections planned and performed.
columns:
  inspection_id: {type: string, doc: The inspection.}
  account_id: {type: string, doc: The account inspected.}
  org_unit_id: {type: string, doc: Unit of the account.}
  planned_on: {type: date, doc: Day it is planned for.}
  performed_on: {type: date, doc: Day it was made; empty while it is not.}
  recorded_at: {type: timestamp, doc: When it was recorded; empty while it is not.}
  staff_id: {type: string, doc: Who inspects.}
  result: {type: string, doc: 'normal, hazard or violation.'}
*/
SELECT
  inspection.inspection_id,
  inspection.account_id,
  account.org_unit_id,
  inspection.planned_on,
  inspection.performed_on,
  inspection.recorded_at,
  inspection.staff_id,
  inspection.result
FROM source.inspection
LEFT JOIN source.account ON account.account_id = inspection.account_id
