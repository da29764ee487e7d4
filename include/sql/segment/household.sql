/*
grain: one row per record of a person with a postal address, or without one a service address
key: [customer_id]
purpose: 'Persons at the same normalised address are one household. A person lives where the record with live accounts that was registered last says, and is of one household with all her records. An address of more than max_members persons is a building, not a home, and gives none.'
columns:
  customer_id: {type: string, doc: The record.}
  household_id: {type: string, doc: Lowest person_id of the household.}
  members: {type: integer, doc: Persons in it.}
params:
  max_members: {type: integer, default: 12, minimum: 1, maximum: 1000, doc: Most persons of a household.}
*/
WITH record AS (
  SELECT
    customer.customer_id,
    COALESCE(person.person_id, customer.customer_id) AS person_id,
    customer.registered_on,
    COALESCE(customer_base.live_accounts, 0) > 0 AS is_live,
    COALESCE(customer.postal_address, account.service_address) AS address
  FROM source.customer
  LEFT JOIN segment.person ON person.customer_id = customer.customer_id
  LEFT JOIN segment.customer_base ON customer_base.customer_id = customer.customer_id
  LEFT JOIN source.account ON account.account_id = customer_base.main_account_id
  WHERE customer.kind = 'person'
),

home AS (
  SELECT
    record.person_id,
    text_key.key
  FROM record
  JOIN core.text_key ON text_key.raw = record.address
  WHERE text_key.key <> ''
  QUALIFY ROW_NUMBER() OVER (
    PARTITION BY record.person_id
    ORDER BY record.is_live DESC, record.registered_on DESC NULLS LAST, record.customer_id
  ) = 1
),

counted AS (
  SELECT
    home.person_id,
    MIN(home.person_id) OVER (PARTITION BY home.key) AS household_id,
    COUNT(*) OVER (PARTITION BY home.key) AS members
  FROM home
)

SELECT
  record.customer_id,
  counted.household_id,
  counted.members
FROM counted
JOIN record ON record.person_id = counted.person_id
WHERE counted.members <= $max_members
