/*
grain: one row a customer and day on which the grade changed
key: [customer_id, valid_from]
purpose: 'How grades changed from night to night: a row holds from valid_from to valid_to, both included.'
columns:
  customer_id: {type: string, doc: The customer.}
  valid_from: {type: date, doc: First as_of with this grade.}
  valid_to: {type: date, doc: Day before the next change; empty while it holds.}
  grade: {type: string, doc: 'A to E.'}
*/
WITH event AS (
  SELECT s.customer_id, s.as_of AS valid_from, s.segment AS grade
  FROM segment_state.segment AS s
  WHERE s.as_of < $as_of AND s.method = 'grade'
  UNION ALL
  SELECT c.customer_id, $as_of AS valid_from, c.segment AS grade
  FROM segment.segment_change AS c
  WHERE c.method = 'grade'
),
ended AS (
  SELECT e.customer_id, e.valid_from, e.grade,
         CAST(LEAD(e.valid_from) OVER (PARTITION BY e.customer_id ORDER BY e.valid_from) - INTERVAL '1' DAY AS DATE) AS valid_to
  FROM event AS e
)
SELECT e.customer_id, e.valid_from, e.valid_to, e.grade
FROM ended AS e
WHERE e.grade IS NOT NULL
