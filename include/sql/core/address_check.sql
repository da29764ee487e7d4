/*
grain: one row a distinct service address that is not blank
key: [raw]
purpose: The longest administrative division that each service address starts with, and whether anything follows it.
columns:
  raw: {type: string, doc: The address as written.}
  region_code: {type: string, doc: 'The division; the lowest code where a name stands for several, empty where it starts with none.'}
  has_rest: {type: boolean, doc: Something other than white space follows the division; empty without one.}
*/
WITH reference AS (
  SELECT r.region_code,
         r.province,
         CASE WHEN REGEXP_MATCHES(r.city, '[^\s\p{Z}]') THEN r.city END AS city,
         CASE WHEN REGEXP_MATCHES(r.district, '[^\s\p{Z}]') THEN r.district END AS district
  FROM source.address_reference AS r
  WHERE REGEXP_MATCHES(r.province, '[^\s\p{Z}]')
),
unique_district AS (
  SELECT r.district, MIN(r.region_code) AS region_code
  FROM reference AS r
  WHERE r.district IS NOT NULL
  GROUP BY r.district
  HAVING COUNT(*) = 1
),
spelling AS (
  SELECT CONCAT(r.province, COALESCE(r.city, ''), COALESCE(r.district, '')) AS prefix, r.region_code
  FROM reference AS r
  UNION ALL
  SELECT CONCAT(r.city, COALESCE(r.district, '')) AS prefix, r.region_code
  FROM reference AS r
  WHERE r.city IS NOT NULL
  UNION ALL
  SELECT d.district AS prefix, d.region_code
  FROM unique_district AS d
),
division AS (
  SELECT s.prefix, LENGTH(s.prefix) AS size, MIN(s.region_code) AS region_code
  FROM spelling AS s
  GROUP BY s.prefix, LENGTH(s.prefix)
),
size AS (
  SELECT DISTINCT d.size FROM division AS d
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
  INNER JOIN division AS d ON d.prefix = SUBSTRING(a.text, 1, s.size) AND d.size = s.size
  GROUP BY a.raw
)
SELECT a.raw,
       l.region_code,
       REGEXP_MATCHES(SUBSTRING(a.text, CAST(l.size + 1 AS BIGINT)), '[^\s\p{Z}]') AS has_rest
FROM address AS a
LEFT JOIN longest AS l ON l.raw = a.raw
