/*
grain: one row a distinct service address that is not blank
key: [raw]
purpose: The longest administrative division that each service address starts with, and whether anything follows it.
columns:
  raw: {type: string, doc: The address as written.}
  region_code: {type: string, doc: 'The division; the lowest code where a name stands for several, empty where it starts with none.'}
  has_rest: {type: boolean, doc: Something other than white space follows the division; empty without one.}
*/
WITH size AS (
  SELECT DISTINCT d.size FROM core.address_prefix AS d
),
address AS (
  SELECT a.service_address AS raw, REGEXP_REPLACE(a.service_address, '^[\s\p{Z}]+', '') AS text
  FROM source.account AS a
  WHERE REGEXP_MATCHES(a.service_address, '[^\s\p{Z}]')
  GROUP BY a.service_address
),
longest AS (
  SELECT a.raw, MAX(d.size) AS size, ARG_MAX(d.region_code, d.size) AS region_code
  FROM address AS a
  CROSS JOIN size AS s
  INNER JOIN core.address_prefix AS d ON d.prefix = SUBSTRING(a.text, 1, s.size) AND d.size = s.size
  GROUP BY a.raw
)
SELECT a.raw,
       l.region_code,
       REGEXP_MATCHES(SUBSTRING(a.text, CAST(l.size + 1 AS BIGINT)), '[^\s\p{Z}]') AS has_rest
FROM address AS a
LEFT JOIN longest AS l ON l.raw = a.raw
