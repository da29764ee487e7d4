/*
grain: one row a way of writing an administrative division at the head of an address
key: [prefix]
purpose: >-
  The divisions of address_reference as addresses begin with them: in full; without the province where the city is
  given; the district alone where no other division has a district of that name.
columns:
  prefix: {type: string, doc: The text.}
  size: {type: integer, doc: Its characters.}
  region_code: {type: string, doc: The division; the lowest code where the text stands for several.}
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
)
SELECT s.prefix, LENGTH(s.prefix) AS size, MIN(s.region_code) AS region_code
FROM spelling AS s
GROUP BY s.prefix, LENGTH(s.prefix)
