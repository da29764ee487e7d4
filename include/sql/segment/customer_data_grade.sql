/*
grain: one row a customer
key: [customer_id]
purpose: 'How far a customer record can be relied on: verified, used, or neither.'
columns:
  customer_id: {type: string, doc: The customer.}
  is_verified: {type: boolean, doc: verified_on lies within a year up to as_of.}
  campaigns: {type: integer, doc: Campaigns whose events reached the customer within a year.}
  has_response: {type: boolean, doc: 'Ever opened, clicked, replied or converted.'}
  has_service: {type: boolean, doc: An account of the customer holds a service.}
  data_grade: {type: integer, doc: '1 verified and used by min_campaigns or more, 2 verified or used, 3 neither but holding a response or a service, 4 the rest.'}
params:
  min_campaigns: {type: integer, default: 3, minimum: 1, maximum: 100, doc: Campaigns of a year that make grade 1.}
*/
WITH event AS (
  SELECT e.customer_id,
         COUNT(DISTINCT e.campaign_id) FILTER (WHERE CAST(e.occurred_at AS DATE) > ADD_MONTHS($as_of, -12)) AS campaigns,
         COUNT(*) FILTER (WHERE e.kind IN ('opened', 'clicked', 'replied', 'converted')) AS responses
  FROM source.campaign_event AS e
  GROUP BY e.customer_id
),
service AS (
  SELECT DISTINCT a.customer_id
  FROM source.product_holding AS h
  JOIN source.account AS a ON a.account_id = h.account_id
  WHERE h.since_on <= $as_of AND (h.until_on IS NULL OR h.until_on >= $as_of)
),
part AS (
  SELECT c.customer_id,
         COALESCE(c.verified_on > ADD_MONTHS($as_of, -12) AND c.verified_on <= $as_of, FALSE) AS is_verified,
         COALESCE(e.campaigns, 0) AS campaigns,
         COALESCE(e.responses, 0) > 0 AS has_response,
         s.customer_id IS NOT NULL AS has_service
  FROM source.customer AS c
  LEFT JOIN event AS e ON e.customer_id = c.customer_id
  LEFT JOIN service AS s ON s.customer_id = c.customer_id
)
SELECT p.customer_id, p.is_verified, p.campaigns, p.has_response, p.has_service,
       CAST(CASE WHEN p.is_verified AND p.campaigns >= $min_campaigns THEN 1
                 WHEN p.is_verified OR p.campaigns > 0 THEN 2
                 WHEN p.has_response OR p.has_service THEN 3
                 ELSE 4 END AS BIGINT) AS data_grade
FROM part AS p
