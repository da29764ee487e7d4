/*
grain: one row per customer
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
  SELECT DISTINCT
    load_centroid.load_profile,
    load_centroid.name
  FROM segment.load_centroid
),

best AS (
  SELECT
    live_account.customer_id,
    live_account.account_id,
    account_load_profile.load_profile,
    account_load_profile.distance,
    named.name
  FROM core.live_account
  JOIN segment.account_load_profile ON account_load_profile.account_id = live_account.account_id
  JOIN named ON named.load_profile = account_load_profile.load_profile
  JOIN segment.account_year ON account_year.account_id = live_account.account_id
  QUALIFY
    ROW_NUMBER()
      OVER (PARTITION BY live_account.customer_id ORDER BY account_year.kwh_12m DESC, live_account.account_id)
    = 1
)

SELECT
  customer_base.customer_id,
  best.account_id,
  best.load_profile,
  COALESCE(best.name, 'no profile') AS segment,
  best.distance
FROM segment.customer_base
LEFT JOIN best ON best.customer_id = customer_base.customer_id
