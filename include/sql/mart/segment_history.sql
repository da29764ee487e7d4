/*
grain: one row a customer, method and day on which the segment changed
key: [customer_id, method, valid_from]
purpose: 'How classifications changed from night to night: a row holds from valid_from to valid_to, both included.'
columns:
  customer_id: {type: string, doc: The customer.}
  method: {type: string, doc: Classification method.}
  valid_from: {type: date, doc: First as_of with this segment.}
  valid_to: {type: date, doc: Day before the next change; empty while it holds.}
  segment: {type: string, doc: The segment.}
*/
WITH event AS (
  SELECT s.customer_id, s.method, s.as_of AS valid_from, s.segment
  FROM segment_state.segment AS s
  WHERE s.as_of < $as_of AND s.method <> 'grade'
  UNION ALL
  SELECT c.customer_id, c.method, $as_of AS valid_from, c.segment
  FROM segment.segment_change AS c
  WHERE c.method <> 'grade'
),
ended AS (
  SELECT e.customer_id, e.method, e.valid_from, e.segment,
         CAST(LEAD(e.valid_from) OVER (PARTITION BY e.customer_id, e.method ORDER BY e.valid_from) - INTERVAL '1' DAY AS DATE) AS valid_to
  FROM event AS e
)
SELECT e.customer_id, e.method, e.valid_from, e.valid_to, e.segment
FROM ended AS e
WHERE e.segment IS NOT NULL
