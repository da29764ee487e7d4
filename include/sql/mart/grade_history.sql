/*
grain: one row per customer and day on which the grade changed
key: [customer_id, valid_from]
purpose: 'How grades changed from night to night: a row holds from valid_from to valid_to, both included.'
columns:
  customer_id: {type: string, doc: The customer.}
  valid_from: {type: date, doc: First as_of with this grade.}
  valid_to: {type: date, doc: Day before the next change; empty while it holds.}
  grade: {type: string, doc: 'A to E.'}
*/
WITH event AS (
  SELECT
    segment.customer_id,
    segment.as_of AS valid_from,
    segment.segment AS grade
  FROM segment_state.segment
  WHERE segment.as_of < $as_of AND segment.method = 'grade'
  UNION ALL
  SELECT
    segment_change.customer_id,
    $as_of AS valid_from,
    segment_change.segment AS grade
  FROM segment.segment_change
  WHERE segment_change.method = 'grade'
),

ended AS (
  SELECT
    event.customer_id,
    event.valid_from,
    event.grade,
    CAST(
      LEAD(event.valid_from) OVER (PARTITION BY event.customer_id ORDER BY event.valid_from)
      - INTERVAL '1' DAY AS DATE
    ) AS valid_to
  FROM event
)

SELECT
  ended.customer_id,
  ended.valid_from,
  ended.valid_to,
  ended.grade
FROM ended
WHERE ended.grade IS NOT NULL
