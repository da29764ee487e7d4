/*
grain: one row per classification method
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
  SELECT
    customer_segment.method,
    COUNT(*) AS customers
  FROM segment.customer_segment
  GROUP BY customer_segment.method
),

change AS (
  SELECT
    segment_change.method,
    COUNT(*) FILTER (WHERE segment_change.from_segment IS NOT NULL AND segment_change.segment IS NOT NULL)
      AS moved,
    COUNT(*) FILTER (WHERE segment_change.from_segment IS NULL) AS appeared
  FROM segment.segment_change
  GROUP BY segment_change.method
),

counted AS (
  SELECT
    tonight.method,
    tonight.customers - COALESCE(change.appeared, 0) AS customers,
    COALESCE(change.moved, 0) AS moved
  FROM tonight
  LEFT JOIN change ON change.method = tonight.method
)

SELECT
  counted.method,
  counted.customers,
  counted.moved,
  ROUND(COALESCE(RATIO(counted.moved, counted.customers), CAST(0 AS DOUBLE)), 6) AS moved_share,
  max_share.max_share,
  counted.customers < $min_customers
  OR COALESCE(CAST(counted.moved AS DOUBLE) <= max_share.max_share * counted.customers, TRUE) AS is_kept
FROM counted
LEFT JOIN param.max_share ON max_share.method = counted.method
