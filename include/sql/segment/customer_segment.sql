/*
grain: one row a customer and method; every customer has all six
key: [customer_id, method]
purpose: The six classifications side by side.
columns:
  customer_id: {type: string, doc: The customer.}
  method: {type: string, doc: 'static, behaviour, value, cluster, association or composite.'}
  segment: {type: string, doc: Where the method puts the customer.}
  score: {type: double, doc: 'behaviour: recency, frequency and monetary value added (3 to 9); value: value score; cluster: distance to the centroid; association: lift; composite: grading composite; static: summed kVA.'}
*/
SELECT s.customer_id, 'static' AS method, s.segment, b.contracted_kva AS score
FROM segment.customer_static AS s
JOIN segment.customer_base AS b ON b.customer_id = s.customer_id
UNION ALL
SELECT c.customer_id, 'behaviour' AS method, c.segment, CAST(c.recency + c.frequency + c.monetary AS DOUBLE) AS score
FROM segment.customer_conduct AS c
UNION ALL
SELECT c.customer_id, 'value' AS method, c.segment, v.value_score AS score
FROM segment.customer_value_cell AS c
JOIN segment.customer_value AS v ON v.customer_id = c.customer_id
UNION ALL
SELECT c.customer_id, 'cluster' AS method, c.segment, c.distance AS score
FROM segment.customer_cluster AS c
UNION ALL
SELECT c.customer_id, 'association' AS method, c.segment, c.lift AS score
FROM segment.customer_association AS c
UNION ALL
SELECT c.customer_id, 'composite' AS method, c.segment, g.composite AS score
FROM segment.customer_composite AS c
JOIN segment.customer_grade AS g ON g.customer_id = c.customer_id
