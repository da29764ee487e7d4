/*
grain: one row per distinct service address that is not blank
key: [raw]
purpose: The longest administrative division that each service address starts with, and whether anything follows it.
columns:
  raw: {type: string, doc: The address as written.}
  region_code: {type: string, doc: 'The division; the lowest code where a name stands for several, empty where it starts with none.'}
  has_rest: {type: boolean, doc: Something other than white space follows the division; empty without one.}
*/
WITH size AS (
  SELECT DISTINCT address_prefix.size FROM core.address_prefix
),

address AS (
  SELECT
    account.service_address AS raw,
    REGEXP_REPLACE(account.service_address, '^[\s\p{Z}]+', '') AS text
  FROM source.account
  WHERE REGEXP_MATCHES(account.service_address, '[^\s\p{Z}]')
  GROUP BY account.service_address
),

longest AS (
  SELECT
    address.raw,
    MAX(address_prefix.size) AS size,
    ARG_MAX(address_prefix.region_code, address_prefix.size) AS region_code
  FROM address
  CROSS JOIN size
  INNER JOIN core.address_prefix
    ON address_prefix.prefix = SUBSTRING(address.text, 1, size.size) AND address_prefix.size = size.size
  GROUP BY address.raw
)

SELECT
  address.raw,
  longest.region_code,
  REGEXP_MATCHES(SUBSTRING(address.text, CAST(longest.size + 1 AS BIGINT)), '[^\s\p{Z}]') AS has_rest
FROM address
LEFT JOIN longest ON longest.raw = address.raw
