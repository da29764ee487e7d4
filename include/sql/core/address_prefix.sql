/*
grain: one row per way of writing an administrative division at the head of an address
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
  SELECT
    address_reference.region_code,
    address_reference.province,
    CASE WHEN REGEXP_MATCHES(address_reference.city, '[^\s\p{Z}]') THEN address_reference.city END AS city,
    CASE WHEN REGEXP_MATCHES(address_reference.district, '[^\s\p{Z}]') THEN address_reference.district END
      AS district
  FROM source.address_reference
  WHERE REGEXP_MATCHES(address_reference.province, '[^\s\p{Z}]')
),

unique_district AS (
  SELECT
    reference.district,
    MIN(reference.region_code) AS region_code
  FROM reference
  WHERE reference.district IS NOT NULL
  GROUP BY reference.district
  HAVING COUNT(*) = 1
),

spelling AS (
  SELECT
    CONCAT(reference.province, COALESCE(reference.city, ''), COALESCE(reference.district, '')) AS prefix,
    reference.region_code
  FROM reference
  UNION ALL
  SELECT
    CONCAT(reference.city, COALESCE(reference.district, '')) AS prefix,
    reference.region_code
  FROM reference
  WHERE reference.city IS NOT NULL
  UNION ALL
  SELECT
    unique_district.district AS prefix,
    unique_district.region_code
  FROM unique_district
)

SELECT
  spelling.prefix,
  LENGTH(spelling.prefix) AS size,
  MIN(spelling.region_code) AS region_code
FROM spelling
GROUP BY spelling.prefix, LENGTH(spelling.prefix)
