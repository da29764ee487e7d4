/*
grain: one row per customer
key: [customer_id]
purpose: >-
  Value classification by clustering, beside the grid of segment.customer_value_cell: the cluster whose middle is
  nearest to the customer's current and potential value; the lower number where two are as near.
columns:
  customer_id: {type: string, doc: The customer.}
  value_cluster: {type: integer, doc: Number of the cluster; empty without a live account.}
  segment: {type: string, doc: 'Its name; no account without a live account.'}
  segment_zh: {type: string, doc: The same in Chinese.}
  distance: {type: double, doc: 'Distance to its middle, 9 places.'}
*/
WITH near AS (
  SELECT
    customer_value.customer_id,
    value_centroid.value_cluster,
    value_centroid.name,
    value_centroid.name_zh,
    ROUND(
      SQRT(
        (customer_value.current_part - value_centroid.current_part)
        * (customer_value.current_part - value_centroid.current_part)
        + (customer_value.potential_part - value_centroid.potential_part)
        * (customer_value.potential_part - value_centroid.potential_part)
      ), 9
    ) AS distance
  FROM segment.customer_value
  JOIN segment.customer_base ON customer_base.customer_id = customer_value.customer_id
  CROSS JOIN segment.value_centroid
  WHERE customer_base.live_accounts > 0
),

nearest AS (
  SELECT
    near.customer_id,
    near.value_cluster,
    near.name,
    near.name_zh,
    near.distance
  FROM near
  QUALIFY ROW_NUMBER() OVER (PARTITION BY near.customer_id ORDER BY near.distance, near.value_cluster) = 1
)

SELECT
  customer_base.customer_id,
  nearest.value_cluster,
  COALESCE(nearest.name, 'no account') AS segment,
  COALESCE(nearest.name_zh, '无在用户') AS segment_zh,
  nearest.distance
FROM segment.customer_base
LEFT JOIN nearest ON nearest.customer_id = customer_base.customer_id
