/*
grain: one row per person with a postal address, or without one a service address
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
  SELECT
    customer.customer_id,
    COALESCE(customer.postal_address, account.service_address) AS address
  FROM source.customer
  LEFT JOIN segment.customer_base ON customer_base.customer_id = customer.customer_id
  LEFT JOIN source.account ON account.account_id = customer_base.main_account_id
  WHERE customer.kind = 'person'
),

keyed AS (
  SELECT
    home.customer_id,
    text_key.key
  FROM home
  JOIN core.text_key ON text_key.raw = home.address
  WHERE text_key.key <> ''
),

counted AS (
  SELECT
    keyed.customer_id,
    MIN(keyed.customer_id) OVER (PARTITION BY keyed.key) AS household_id,
    COUNT(*) OVER (PARTITION BY keyed.key) AS members
  FROM keyed
)

SELECT
  counted.customer_id,
  counted.household_id,
  counted.members
FROM counted
WHERE counted.members <= $max_members
