/*
grain: one row per event that may be the success of a campaign; the same event twice stands twice
key: [success_event, campaign_id, customer_id, account_id, product_code, happened_on, value_amount]
purpose: >-
  What customers did, in the words of a campaign's success; contacted or not. What was withdrawn, rejected, given back or of negative
  value is nothing that they did.
view: true
columns:
  success_event: {type: string, doc: As in a campaign file.}
  campaign_id: {type: string, doc: Set where the event names its campaign.}
  customer_id: {type: string, doc: Who.}
  account_id: {type: string, doc: On which account; empty where it is the customer's.}
  product_code: {type: string, doc: For services taken up.}
  happened_on: {type: date, doc: Local day.}
  value_amount: {type: double, doc: Where the event brings its own value.}
*/
-- A payment that came back later, a returned debit, is none.
WITH back AS (
  SELECT
    payment.account_id,
    COALESCE(payment.bill_id, '') AS bill_id,
    -payment.amount AS amount,
    MAX(payment.received_at) AS received_at
  FROM source.payment
  WHERE payment.amount < 0
  GROUP BY payment.account_id, COALESCE(payment.bill_id, ''), -payment.amount
)

SELECT
  campaign_event.kind AS success_event,
  campaign_event.campaign_id,
  campaign_event.customer_id,
  CAST(NULL AS VARCHAR) AS account_id,
  CAST(NULL AS VARCHAR) AS product_code,
  CAST(campaign_event.occurred_at AS DATE) AS happened_on,
  CAST(campaign_event.value_amount AS DOUBLE) AS value_amount
FROM source.campaign_event
WHERE
  campaign_event.kind IN ('converted', 'replied', 'clicked') AND COALESCE(campaign_event.value_amount, 0) >= 0
UNION ALL
-- Whoever recommended a new account has converted with it.
SELECT
  'converted',
  referral.campaign_id,
  referral.customer_id,
  referral.contact_account_id,
  CAST(NULL AS VARCHAR),
  referral.opened_on,
  CAST(NULL AS DOUBLE)
FROM campaign.referral
UNION ALL
SELECT
  'took_up',
  CAST(NULL AS VARCHAR),
  account.customer_id,
  product_holding.account_id,
  product_holding.product_code,
  product_holding.since_on,
  CAST(NULL AS DOUBLE)
FROM source.product_holding JOIN source.account ON account.account_id = product_holding.account_id
WHERE product_holding.until_on IS NULL OR product_holding.until_on > product_holding.since_on
UNION ALL
SELECT
  'contract_signed',
  CAST(NULL AS VARCHAR),
  account.customer_id,
  contract.account_id,
  CAST(NULL AS VARCHAR),
  contract.signed_on,
  CAST(NULL AS DOUBLE)
FROM source.contract JOIN source.account ON account.account_id = contract.account_id
WHERE contract.signed_on IS NOT NULL
UNION ALL
SELECT
  CASE service_order.kind WHEN 'change_tariff' THEN 'tariff_changed' ELSE 'capacity_ordered' END,
  CAST(NULL AS VARCHAR),
  account.customer_id,
  service_order.account_id,
  CAST(NULL AS VARCHAR),
  CAST(service_order.submitted_at AS DATE),
  CAST(NULL AS DOUBLE)
FROM source.service_order JOIN source.account ON account.account_id = service_order.account_id
WHERE
  service_order.kind IN ('change_tariff', 'increase')
  AND COALESCE(service_order.outcome, '') NOT IN ('withdrawn', 'rejected')
UNION ALL
SELECT
  'paid',
  CAST(NULL AS VARCHAR),
  account.customer_id,
  payment.account_id,
  CAST(NULL AS VARCHAR),
  CAST(payment.received_at AS DATE),
  CAST(NULL AS DOUBLE)
FROM source.payment
JOIN source.account ON account.account_id = payment.account_id
LEFT JOIN back
  ON back.account_id = payment.account_id
  AND back.bill_id = COALESCE(payment.bill_id, '')
  AND back.amount = payment.amount
  AND back.received_at >= payment.received_at
WHERE payment.amount > 0 AND back.account_id IS NULL
UNION ALL
SELECT
  'record_verified',
  CAST(NULL AS VARCHAR),
  customer.customer_id,
  CAST(NULL AS VARCHAR),
  CAST(NULL AS VARCHAR),
  customer.verified_on,
  CAST(NULL AS DOUBLE)
FROM source.customer
WHERE customer.verified_on IS NOT NULL
UNION ALL
SELECT
  'satisfied_call',
  CAST(NULL AS VARCHAR),
  account.customer_id,
  service_call.account_id,
  CAST(NULL AS VARCHAR),
  CAST(service_call.opened_at AS DATE),
  CAST(NULL AS DOUBLE)
FROM source.service_call JOIN source.account ON account.account_id = service_call.account_id
WHERE service_call.satisfaction >= 4
