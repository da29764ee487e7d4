/*
grain: one row per member of staff
key: [staff_id]
purpose: 'Whose work the audit measures, without names.'
columns:
  staff_id: {type: string, doc: The member of staff.}
  org_unit_id: {type: string, doc: The unit they belong to.}
  post: {type: string, doc: What they do.}
*/
SELECT
  staff.staff_id,
  staff.org_unit_id,
  staff.post
FROM source.staff
