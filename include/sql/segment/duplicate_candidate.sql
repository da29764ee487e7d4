/*
grain: one row per pair of customers that share an identity number, a telephone number, an e-mail address, a name, an address, or birth and the first character of the name
key: [customer_id, other_customer_id]
purpose: Blocking for the search of duplicates, so that not everybody is compared with everybody. A value shared by more than max_block records tells nobody apart and is not followed.
columns:
  customer_id: {type: string, doc: The lower customer_id.}
  other_customer_id: {type: string, doc: The higher one.}
params:
  max_block: {type: integer, default: 20, minimum: 2, maximum: 1000, doc: Most records that share a value.}
*/
WITH token AS (
  -- An identity card's number of before 1999 is the first 17 digits of today's, less the century.
  SELECT
    identity_number.customer_id,
    'id' AS kind,
    CASE
      WHEN REGEXP_MATCHES(identity_number.normalised, '^[0-9]{15}$')
        THEN
          CONCAT(
            SUBSTRING(identity_number.normalised, 1, 6), '19', SUBSTRING(identity_number.normalised, 7, 9)
          )
      WHEN REGEXP_MATCHES(identity_number.normalised, '^[0-9]{17}[0-9X]$')
        THEN SUBSTRING(identity_number.normalised, 1, 17)
      ELSE identity_number.normalised
    END AS value
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
    'email' AS kind,
    LOWER(email.address) AS value
  FROM source.customer
  JOIN core.email ON email.raw = customer.email
  WHERE email.is_valid
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
    'birth' AS kind,
    CONCAT(SUBSTRING(text_key.key, 1, 1), STRFTIME(customer.born_on, '%Y%m%d')) AS value
  FROM source.customer
  JOIN core.text_key ON text_key.raw = customer.name
  WHERE text_key.key <> '' AND customer.born_on IS NOT NULL
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

block AS (
  SELECT
    one.kind,
    one.value
  FROM one
  GROUP BY one.kind, one.value
  HAVING COUNT(*) BETWEEN 2 AND $max_block
),

shared AS (
  SELECT
    one.customer_id,
    one.kind,
    one.value
  FROM one
  JOIN block ON block.kind = one.kind AND block.value = one.value
)

SELECT DISTINCT
  shared.customer_id,
  other.customer_id AS other_customer_id
FROM shared
JOIN shared AS other
  ON other.kind = shared.kind AND other.value = shared.value AND other.customer_id > shared.customer_id
