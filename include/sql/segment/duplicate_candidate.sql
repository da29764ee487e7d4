/*
grain: one row a pair of customers that share an identity number, a telephone number, a name or an address
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
  SELECT i.customer_id, 'id' AS kind, i.normalised AS value FROM core.identity_number AS i
  UNION ALL
  SELECT c.customer_id, 'phone' AS kind, p.e164 AS value
  FROM source.customer AS c
  JOIN core.phone AS p ON p.raw = c.mobile
  WHERE p.e164 IS NOT NULL
  UNION ALL
  SELECT c.customer_id, 'phone' AS kind, p.e164 AS value
  FROM source.customer AS c
  JOIN core.phone AS p ON p.raw = c.phone
  WHERE p.e164 IS NOT NULL
  UNION ALL
  SELECT c.customer_id, 'name' AS kind, k.key AS value
  FROM source.customer AS c
  JOIN core.text_key AS k ON k.raw = c.name
  WHERE k.key <> ''
  UNION ALL
  SELECT c.customer_id, 'address' AS kind, k.key AS value
  FROM source.customer AS c
  JOIN core.text_key AS k ON k.raw = c.postal_address
  WHERE k.key <> ''
),
one AS (
  SELECT DISTINCT t.customer_id, t.kind, t.value FROM token AS t
),
sized AS (
  SELECT o.customer_id, o.kind, o.value, COUNT(*) OVER (PARTITION BY o.kind, o.value) AS size FROM one AS o
),
pair AS (
  SELECT a.customer_id, b.customer_id AS other_customer_id, BOOL_OR(a.kind = 'phone') AS same_phone
  FROM sized AS a
  JOIN sized AS b ON b.kind = a.kind AND b.value = a.value AND b.customer_id > a.customer_id
  WHERE a.size <= $max_block
  GROUP BY a.customer_id, b.customer_id
)
SELECT p.customer_id, p.other_customer_id, i.normalised = j.normalised AS same_id_number, p.same_phone
FROM pair AS p
LEFT JOIN core.identity_number AS i ON i.customer_id = p.customer_id
LEFT JOIN core.identity_number AS j ON j.customer_id = p.other_customer_id
