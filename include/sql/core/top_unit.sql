/*
grain: one row per utility; none where it names no unit
key: [org_unit_id]
purpose: The unit at the top, which answers for what no other unit does; of several the first by id.
view: true
columns:
  org_unit_id: {type: string, doc: The unit.}
*/
SELECT MIN(org_unit.org_unit_id) AS org_unit_id
FROM source.org_unit
LEFT JOIN source.org_unit AS above ON above.org_unit_id = org_unit.parent_id
WHERE above.org_unit_id IS NULL
HAVING MIN(org_unit.org_unit_id) IS NOT NULL
