/*
grain: one row per value cluster
key: [value_cluster]
purpose: 'Current by potential value by clustering: what the clusters are, whom they hold, and how far they can be relied on.'
columns:
  value_cluster: {type: integer, doc: 'Number, the same from night to night.'}
  name: {type: string, doc: Name by the bands of the grid in which its middle lies.}
  name_zh: {type: string, doc: The same in Chinese.}
  size: {type: integer, doc: Customers in it.}
  share: {type: double, doc: Share of the customers with a live account.}
  current_value_amount: {type: decimal, doc: Current value of its middle.}
  potential_value_amount: {type: decimal, doc: Potential value of its middle.}
  members_current_amount: {type: decimal, doc: Current value of its members together.}
  members_potential_amount: {type: decimal, doc: Potential value of its members together.}
  main_cell: {type: string, doc: Cell of the 3 x 3 grid that most of its members are in.}
  main_cell_share: {type: double, doc: Share of the members in that cell.}
  drift: {type: double, doc: 'Distance to the middle of the same number in the fit before, on the scale of 0 to 1; empty for a new one.'}
*/
WITH member AS (
  SELECT
    customer_value_cluster.value_cluster,
    customer_value_cell.segment AS cell,
    customer_value.current_value_amount,
    customer_value.potential_value_amount
  FROM segment.customer_value_cluster
  JOIN segment.customer_value ON customer_value.customer_id = customer_value_cluster.customer_id
  JOIN segment.customer_value_cell ON customer_value_cell.customer_id = customer_value_cluster.customer_id
  WHERE customer_value_cluster.value_cluster IS NOT NULL
),

sized AS (
  SELECT
    member.value_cluster,
    COUNT(*) AS size,
    MONEY(SUM(member.current_value_amount)) AS current_amount,
    MONEY(SUM(member.potential_value_amount)) AS potential_amount
  FROM member
  GROUP BY member.value_cluster
),

total AS (
  SELECT COUNT(*) AS size FROM member
),

celled AS (
  SELECT
    member.value_cluster,
    member.cell,
    COUNT(*) AS size
  FROM member
  GROUP BY member.value_cluster, member.cell
  QUALIFY ROW_NUMBER() OVER (PARTITION BY member.value_cluster ORDER BY COUNT(*) DESC, member.cell) = 1
)

SELECT
  value_centroid.value_cluster,
  value_centroid.name,
  value_centroid.name_zh,
  COALESCE(sized.size, 0) AS size,
  ROUND(RATIO(COALESCE(sized.size, 0), total.size), 6) AS share,
  value_centroid.current_value_amount,
  value_centroid.potential_value_amount,
  COALESCE(sized.current_amount, MONEY(0)) AS members_current_amount,
  COALESCE(sized.potential_amount, MONEY(0)) AS members_potential_amount,
  celled.cell AS main_cell,
  ROUND(RATIO(celled.size, sized.size), 6) AS main_cell_share,
  value_centroid.drift
FROM segment.value_centroid
CROSS JOIN total
LEFT JOIN sized ON sized.value_cluster = value_centroid.value_cluster
LEFT JOIN celled ON celled.value_cluster = value_centroid.value_cluster
