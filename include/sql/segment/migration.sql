/*
grain: one row a classification method
key: [method]
purpose: The segment contract, how many customers a night moves and how many it may.
columns:
  method: {type: string, doc: Classification method.}
  customers: {type: integer, doc: Customers classified in the last night and tonight.}
  moved: {type: integer, doc: 'Of those, in another segment tonight.'}
  moved_share: {type: double, doc: moved over customers.}
  max_share: {type: double, doc: Largest share allowed.}
  is_kept: {type: boolean, doc: 'The contract is kept: not above the largest share, or fewer customers than are judged.'}
params:
  max_share:
    type: map
    columns: {method: string, max_share: double}
    default: {composite: 0.10, value: 0.15, cluster: 0.25, behaviour: 0.40, static: 0.05, association: 0.50}
    doc: Largest share of customers that may change segment in a night, by method; a method that is not named is not limited.
  min_customers: {type: integer, default: 200, minimum: 1, doc: Fewer customers than these are not judged.}
*/
WITH tonight AS (
  SELECT s.method, COUNT(*) AS customers FROM segment.customer_segment AS s GROUP BY s.method
),
change AS (
  SELECT c.method,
         COUNT(*) FILTER (WHERE c.from_segment IS NOT NULL AND c.segment IS NOT NULL) AS moved,
         COUNT(*) FILTER (WHERE c.from_segment IS NULL) AS appeared
  FROM segment.segment_change AS c
  GROUP BY c.method
),
counted AS (
  SELECT t.method, t.customers - COALESCE(c.appeared, 0) AS customers, COALESCE(c.moved, 0) AS moved
  FROM tonight AS t
  LEFT JOIN change AS c ON c.method = t.method
)
SELECT c.method,
       c.customers,
       c.moved,
       ROUND(COALESCE(RATIO(c.moved, c.customers), CAST(0 AS DOUBLE)), 6) AS moved_share,
       m.max_share,
       c.customers < $min_customers OR COALESCE(CAST(c.moved AS DOUBLE) <= m.max_share * c.customers, TRUE) AS is_kept
FROM counted AS c
LEFT JOIN param.max_share AS m ON m.method = c.method
