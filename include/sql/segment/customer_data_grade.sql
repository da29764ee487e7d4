/*
grain: one row per customer
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
  SELECT
    campaign_event.customer_id,
    COUNT(DISTINCT campaign_event.campaign_id) FILTER (
      WHERE CAST(campaign_event.occurred_at AS DATE) > ADD_MONTHS($as_of, -12)
    ) AS campaigns,
    COUNT(*) FILTER (WHERE campaign_event.kind IN ('opened', 'clicked', 'replied', 'converted')) AS responses
  FROM source.campaign_event
  GROUP BY campaign_event.customer_id
),

service AS (
  SELECT DISTINCT account.customer_id
  FROM source.product_holding
  JOIN source.account ON account.account_id = product_holding.account_id
  WHERE
    product_holding.since_on <= $as_of
    AND (product_holding.until_on IS NULL OR product_holding.until_on >= $as_of)
),

part AS (
  SELECT
    customer.customer_id,
    COALESCE(customer.verified_on > ADD_MONTHS($as_of, -12) AND customer.verified_on <= $as_of, FALSE)
      AS is_verified,
    COALESCE(event.campaigns, 0) AS campaigns,
    COALESCE(event.responses, 0) > 0 AS has_response,
    service.customer_id IS NOT NULL AS has_service
  FROM source.customer
  LEFT JOIN event ON event.customer_id = customer.customer_id
  LEFT JOIN service ON service.customer_id = customer.customer_id
)

SELECT
  part.customer_id,
  part.is_verified,
  part.campaigns,
  part.has_response,
  part.has_service,
  CAST(CASE
    WHEN part.is_verified AND part.campaigns >= $min_campaigns THEN 1
    WHEN part.is_verified OR part.campaigns > 0 THEN 2
    WHEN part.has_response OR part.has_service THEN 3
    ELSE 4
  END AS BIGINT) AS data_grade
FROM part
