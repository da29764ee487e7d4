/*
grain: one row per pair of customers that share an identity number, a telephone number, a name or an address
key: [customer_id, other_customer_id]
purpose: Blocking for the search of duplicates, so that not everybody is compared with everybody. A value shared by more than max_block records tells nobody apart and is not followed.
columns:
  customer_id: {type: string, doc: The lower customer_id.}
  other_customer_id: {type: string, doc: The higher one.}
  same_id_number: {type: boolean, doc: 'Both have an identity number and they are equal; empty where one has none.'}
  same_phone: {type: boolean, doc: They share a telephone number.}
params:
  max_block: {type: integer, default: 20, minimum: 2, maximum: 1000, doc: Most records that share a value.}
*/
WITH token AS (
  SELECT
    identity_number.customer_id,
    'id' AS kind,
    identity_number.normalised AS value
  FROM core.identity_number
  UNION ALL
  SELECT
    customer.customer_id,
    'phone' AS kind,
    phone.e164 AS value
  FROM source.customer
  JOIN core.phone ON phone.raw = customer.mobile
  WHERE phone.e164 IS NOT NULL
  UNION ALL
  SELECT
    customer.customer_id,
    'phone' AS kind,
    phone.e164 AS value
  FROM source.customer
  JOIN core.phone ON phone.raw = customer.phone
  WHERE phone.e164 IS NOT NULL
  UNION ALL
  SELECT
    customer.customer_id,
    'name' AS kind,
    text_key.key AS value
  FROM source.customer
  JOIN core.text_key ON text_key.raw = customer.name
  WHERE text_key.key <> ''
  UNION ALL
  SELECT
    customer.customer_id,
    'address' AS kind,
    text_key.key AS value
  FROM source.customer
  JOIN core.text_key ON text_key.raw = customer.postal_address
  WHERE text_key.key <> ''
),

one AS (
  SELECT DISTINCT
    token.customer_id,
    token.kind,
    token.value
  FROM token
),

sized AS (
  SELECT
    one.customer_id,
    one.kind,
    one.value,
    COUNT(*) OVER (PARTITION BY one.kind, one.value) AS size
  FROM one
),

pair AS (
  SELECT
    sized.customer_id,
    other.customer_id AS other_customer_id,
    BOOL_OR(sized.kind = 'phone') AS same_phone
  FROM sized
  JOIN sized AS other
    ON other.kind = sized.kind AND other.value = sized.value AND other.customer_id > sized.customer_id
  WHERE sized.size <= $max_block
  GROUP BY sized.customer_id, other.customer_id
)

SELECT
  pair.customer_id,
  pair.other_customer_id,
  identity_number.normalised = other_identity_number.normalised AS same_id_number,
  pair.same_phone
FROM pair
LEFT JOIN core.identity_number ON identity_number.customer_id = pair.customer_id
LEFT JOIN core.identity_number AS other_identity_number
  ON other_identity_number.customer_id = pair.other_customer_id
