/*
grain: one row per customer and method whose segment, or grade, differs from the last night's
key: [customer_id, method]
purpose: What tonight changes against the newest earlier night that was published; all customers where there is none.
columns:
  customer_id: {type: string, doc: The customer.}
  method: {type: string, doc: 'Classification method, or grade.'}
  from_segment: {type: string, doc: Segment until now; empty for a new customer.}
  segment: {type: string, doc: Segment tonight; empty where the customer is gone.}
*/
WITH tonight AS (
  SELECT
    customer_segment.customer_id,
    customer_segment.method,
    customer_segment.segment
  FROM segment.customer_segment
  UNION ALL
  SELECT
    customer_grade.customer_id,
    'grade' AS method,
    customer_grade.grade AS segment
  FROM segment.customer_grade
),

last AS (
  SELECT
    segment.customer_id,
    segment.method,
    segment.segment
  FROM segment_state.segment
  WHERE segment.as_of < $as_of
  QUALIFY ROW_NUMBER() OVER (PARTITION BY segment.customer_id, segment.method ORDER BY segment.as_of DESC) = 1
)

SELECT
  COALESCE(tonight.customer_id, last.customer_id) AS customer_id,
  COALESCE(tonight.method, last.method) AS method,
  last.segment AS from_segment,
  tonight.segment
FROM tonight
FULL OUTER JOIN last ON last.customer_id = tonight.customer_id AND last.method = tonight.method
WHERE tonight.segment IS DISTINCT FROM last.segment
