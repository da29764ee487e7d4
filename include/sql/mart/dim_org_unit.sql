/*
grain: one row per unit of the utility
key: [org_unit_id]
purpose: 'The utility''s units with their place in the tree.'
columns:
  org_unit_id: {type: string, doc: The unit.}
  parent_id: {type: string, doc: The unit above; empty at the top.}
  name: {type: string, doc: Its name.}
  level: {type: string, doc: 'province, city, county or station.'}
  path: {type: string, doc: 'Ids from the top down to the unit, with / between them; of a unit that no top leads to, its own alone.'}
  depth: {type: integer, doc: Units above it; 0 at the top.}
*/
WITH RECURSIVE placed AS (
  SELECT
    org_unit.org_unit_id,
    org_unit.org_unit_id AS path,
    CAST(0 AS BIGINT) AS depth
  FROM source.org_unit
  LEFT JOIN source.org_unit AS above ON above.org_unit_id = org_unit.parent_id
  WHERE above.org_unit_id IS NULL
  UNION ALL
  SELECT
    below.org_unit_id,
    CONCAT(placed.path, '/', below.org_unit_id) AS path,
    placed.depth + 1 AS depth
  FROM placed
  JOIN source.org_unit AS below ON below.parent_id = placed.org_unit_id
)

SELECT
  org_unit.org_unit_id,
  org_unit.parent_id,
  org_unit.name,
  org_unit.level,
  COALESCE(placed.path, org_unit.org_unit_id) AS path,
  COALESCE(placed.depth, CAST(0 AS BIGINT)) AS depth
FROM source.org_unit
LEFT JOIN placed ON placed.org_unit_id = org_unit.org_unit_id
