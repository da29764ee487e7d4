/*
grain: one row per customer, method and day on which the segment changed
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
  SELECT
    segment.customer_id,
    segment.method,
    segment.as_of AS valid_from,
    segment.segment
  FROM segment_state.segment
  WHERE segment.as_of < $as_of AND segment.method <> 'grade'
  UNION ALL
  SELECT
    segment_change.customer_id,
    segment_change.method,
    $as_of AS valid_from,
    segment_change.segment
  FROM segment.segment_change
  WHERE segment_change.method <> 'grade'
),

ended AS (
  SELECT
    event.customer_id,
    event.method,
    event.valid_from,
    event.segment,
    CAST(
      LEAD(event.valid_from) OVER (PARTITION BY event.customer_id, event.method ORDER BY event.valid_from)
      - INTERVAL '1' DAY AS DATE
    ) AS valid_to
  FROM event
)

SELECT
  ended.customer_id,
  ended.method,
  ended.valid_from,
  ended.valid_to,
  ended.segment
FROM ended
WHERE ended.segment IS NOT NULL
