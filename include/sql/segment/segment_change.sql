/*
grain: one row a customer and method whose segment, or grade, differs from the last night's
key: [customer_id, method]
purpose: What tonight changes against the newest earlier night that was published; all customers where there is none.
columns:
  customer_id: {type: string, doc: The customer.}
  method: {type: string, doc: 'Classification method, or grade.'}
  from_segment: {type: string, doc: Segment until now; empty for a new customer.}
  segment: {type: string, doc: Segment tonight; empty where the customer is gone.}
*/
WITH tonight AS (
  SELECT s.customer_id, s.method, s.segment FROM segment.customer_segment AS s
  UNION ALL
  SELECT g.customer_id, 'grade' AS method, g.grade AS segment FROM segment.customer_grade AS g
),
last AS (
  SELECT s.customer_id, s.method, s.segment
  FROM segment_state.segment AS s
  WHERE s.as_of < $as_of
  QUALIFY ROW_NUMBER() OVER (PARTITION BY s.customer_id, s.method ORDER BY s.as_of DESC) = 1
)
SELECT COALESCE(t.customer_id, l.customer_id) AS customer_id,
       COALESCE(t.method, l.method) AS method,
       l.segment AS from_segment,
       t.segment
FROM tonight AS t
FULL OUTER JOIN last AS l ON l.customer_id = t.customer_id AND l.method = t.method
WHERE t.segment IS DISTINCT FROM l.segment
