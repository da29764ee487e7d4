/*
grain: one row per customer and method; every customer has all six
key: [customer_id, method]
purpose: The six classifications side by side.
columns:
  customer_id: {type: string, doc: The customer.}
  method: {type: string, doc: 'static, behaviour, value, cluster, association or composite.'}
  segment: {type: string, doc: Where the method puts the customer.}
  score: {type: double, doc: 'behaviour: recency, frequency and monetary value added (3 to 9); value: value score; cluster: distance to the centroid; association: lift; composite: grading composite; static: summed kVA.'}
*/
SELECT
  customer_static.customer_id,
  'static' AS method,
  customer_static.segment,
  customer_base.contracted_kva AS score
FROM segment.customer_static
JOIN segment.customer_base ON customer_base.customer_id = customer_static.customer_id
UNION ALL
SELECT
  customer_conduct.customer_id,
  'behaviour' AS method,
  customer_conduct.segment,
  CAST(customer_conduct.recency + customer_conduct.frequency + customer_conduct.monetary AS DOUBLE) AS score
FROM segment.customer_conduct
UNION ALL
SELECT
  customer_value_cell.customer_id,
  'value' AS method,
  customer_value_cell.segment,
  customer_value.value_score AS score
FROM segment.customer_value_cell
JOIN segment.customer_value ON customer_value.customer_id = customer_value_cell.customer_id
UNION ALL
SELECT
  customer_cluster.customer_id,
  'cluster' AS method,
  customer_cluster.segment,
  customer_cluster.distance AS score
FROM segment.customer_cluster
UNION ALL
SELECT
  customer_association.customer_id,
  'association' AS method,
  customer_association.segment,
  customer_association.lift AS score
FROM segment.customer_association
UNION ALL
SELECT
  customer_composite.customer_id,
  'composite' AS method,
  customer_composite.segment,
  customer_grade.composite AS score
FROM segment.customer_composite
JOIN segment.customer_grade ON customer_grade.customer_id = customer_composite.customer_id
