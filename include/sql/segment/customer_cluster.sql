/*
grain: one row a customer
key: [customer_id]
purpose: 'The load profile of a customer: that of the live account that uses most in 12 months and has one.'
columns:
  customer_id: {type: string, doc: The customer.}
  account_id: {type: string, doc: The account that speaks for it; empty where none has a profile.}
  load_profile: {type: integer, doc: Number of the load profile; empty where there is none.}
  segment: {type: string, doc: Name of the load profile; no profile where there is none.}
  distance: {type: double, doc: Distance to the centroid.}
*/
WITH named AS (
  SELECT DISTINCT c.load_profile, c.name FROM segment.load_centroid AS c
),
best AS (
  SELECT a.customer_id, a.account_id, p.load_profile, p.distance, n.name
  FROM core.live_account AS a
  JOIN segment.account_load_profile AS p ON p.account_id = a.account_id
  JOIN named AS n ON n.load_profile = p.load_profile
  JOIN segment.account_year AS y ON y.account_id = a.account_id
  QUALIFY ROW_NUMBER() OVER (PARTITION BY a.customer_id ORDER BY y.kwh_12m DESC, a.account_id) = 1
)
SELECT b.customer_id, e.account_id, e.load_profile, COALESCE(e.name, 'no profile') AS segment, e.distance
FROM segment.customer_base AS b
LEFT JOIN best AS e ON e.customer_id = b.customer_id
