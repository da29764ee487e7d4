/*
grain: one row a person with a postal address, or without one a service address
key: [customer_id]
purpose: 'Persons at the same normalised address are one household. An address of more than max_members persons is a building, not a home, and gives none.'
columns:
  customer_id: {type: string, doc: The person.}
  household_id: {type: string, doc: Lowest customer_id of the household.}
  members: {type: integer, doc: Persons in it.}
params:
  max_members: {type: integer, default: 12, minimum: 1, maximum: 1000, doc: Most persons of a household.}
*/
WITH home AS (
  SELECT c.customer_id, COALESCE(c.postal_address, a.service_address) AS address
  FROM source.customer AS c
  LEFT JOIN segment.customer_base AS b ON b.customer_id = c.customer_id
  LEFT JOIN source.account AS a ON a.account_id = b.main_account_id
  WHERE c.kind = 'person'
),
keyed AS (
  SELECT h.customer_id, k.key
  FROM home AS h
  JOIN core.text_key AS k ON k.raw = h.address
  WHERE k.key <> ''
),
counted AS (
  SELECT k.customer_id,
         MIN(k.customer_id) OVER (PARTITION BY k.key) AS household_id,
         COUNT(*) OVER (PARTITION BY k.key) AS members
  FROM keyed AS k
)
SELECT c.customer_id, c.household_id, c.members
FROM counted AS c
WHERE c.members <= $max_members
