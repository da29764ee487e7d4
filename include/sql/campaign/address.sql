/*
grain: one row per customer and kind of address that the customer can be reached at
key: [customer_id, address_kind]
purpose: Addresses in the form that two spellings of one share, by which they are compared. What is sent is spelt as in the record.
view: true
columns:
  customer_id: {type: string, doc: The customer.}
  address_kind: {type: string, doc: 'postal, place, mobile, telephone, email, or holds:<product_code>.'}
  address: {type: string, doc: The address as it is compared; of a service held it is the customer.}
*/
WITH abroad AS (
  -- A mobile of another country is used where the utility says so.
  SELECT DISTINCT number.raw
  FROM core.phone AS number
  JOIN ask.calling_code AS code ON STARTS_WITH(number.e164, code.prefix)
  WHERE number.is_mobile AND NOT number.is_valid
),

looked_up AS (
  SELECT
    customer.customer_id,
    place.key AS place,
    COALESCE(customer.postcode, '') AS postcode,
    CASE WHEN mobile.is_mobile AND (mobile.is_valid OR abroad.raw IS NOT NULL) THEN mobile.e164 END AS mobile,
    CASE
      WHEN fixed.is_valid THEN fixed.e164
      WHEN mobile.is_mobile AND (mobile.is_valid OR abroad.raw IS NOT NULL) THEN mobile.e164
    END AS telephone,
    CASE WHEN mail.is_valid THEN LOWER(mail.address) END AS email
  FROM source.customer
  LEFT JOIN core.text_key AS place ON place.raw = customer.postal_address AND place.key <> ''
  LEFT JOIN core.phone AS mobile ON mobile.raw = customer.mobile
  LEFT JOIN abroad ON abroad.raw = customer.mobile
  LEFT JOIN core.phone AS fixed ON fixed.raw = customer.phone
  LEFT JOIN core.email AS mail ON mail.raw = customer.email
)

SELECT
  one.customer_id,
  'postal' AS address_kind,
  one.place || '|' || one.postcode AS address
FROM looked_up AS one
WHERE one.place IS NOT NULL
UNION ALL
SELECT
  one.customer_id,
  'place',
  one.place
FROM looked_up AS one WHERE one.place IS NOT NULL
UNION ALL
SELECT
  one.customer_id,
  'mobile',
  one.mobile
FROM looked_up AS one WHERE one.mobile IS NOT NULL
UNION ALL
SELECT
  one.customer_id,
  'telephone',
  one.telephone
FROM looked_up AS one WHERE one.telephone IS NOT NULL
UNION ALL
SELECT
  one.customer_id,
  'email',
  one.email
FROM looked_up AS one WHERE one.email IS NOT NULL
UNION ALL
SELECT DISTINCT
  account.customer_id,
  'holds:' || held.product_code,
  account.customer_id
FROM known.product_holding AS held
JOIN source.account ON account.account_id = held.account_id
CROSS JOIN ask.question
WHERE held.since_on <= question.known_on AND (held.until_on IS NULL OR held.until_on >= question.known_on)
