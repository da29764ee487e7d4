/*
grain: one row per unit and a unit above it, itself among them
key: [org_unit_id, above_id]
purpose: Which units what a unit does counts for, decided once.
columns:
  org_unit_id: {type: string, doc: The unit.}
  above_id: {type: string, doc: 'The unit itself, or one above it.'}
  child_id: {type: string, doc: 'The unit right below above_id that the unit is or lies under; self where it is above_id itself.'}
*/
WITH RECURSIVE climbed AS (
  SELECT
    org_unit.org_unit_id,
    org_unit.org_unit_id AS above_id,
    'self' AS child_id,
    0 AS steps
  FROM source.org_unit
  UNION ALL
  -- The bound ends units that stand above each other in a circle.
  SELECT
    climbed.org_unit_id,
    above.org_unit_id AS above_id,
    climbed.above_id AS child_id,
    climbed.steps + 1 AS steps
  FROM climbed
  JOIN source.org_unit ON org_unit.org_unit_id = climbed.above_id
  JOIN source.org_unit AS above ON above.org_unit_id = org_unit.parent_id
  WHERE climbed.steps < 20
)

SELECT
  climbed.org_unit_id,
  climbed.above_id,
  climbed.child_id
FROM climbed
QUALIFY ROW_NUMBER() OVER (PARTITION BY climbed.org_unit_id, climbed.above_id ORDER BY climbed.steps) = 1
