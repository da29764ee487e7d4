/*
grain: one row an event that may be the success of a campaign; the same event twice stands twice
key: [success_event, campaign_id, customer_id, account_id, product_code, happened_on, value_amount]
purpose: What customers did, in the words of a campaign's success; contacted or not.
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
SELECT e.kind AS success_event, e.campaign_id, e.customer_id, CAST(NULL AS VARCHAR) AS account_id, CAST(NULL AS VARCHAR) AS product_code,
       CAST(e.occurred_at AS DATE) AS happened_on, CAST(e.value_amount AS DOUBLE) AS value_amount
FROM source.campaign_event AS e
WHERE e.kind IN ('converted', 'replied', 'clicked')
UNION ALL
SELECT 'took_up', CAST(NULL AS VARCHAR), a.customer_id, h.account_id, h.product_code, h.since_on, CAST(NULL AS DOUBLE)
FROM source.product_holding AS h JOIN source.account AS a ON a.account_id = h.account_id
UNION ALL
SELECT 'contract_signed', CAST(NULL AS VARCHAR), a.customer_id, c.account_id, CAST(NULL AS VARCHAR), c.signed_on, CAST(NULL AS DOUBLE)
FROM source.contract AS c JOIN source.account AS a ON a.account_id = c.account_id
WHERE c.signed_on IS NOT NULL
UNION ALL
SELECT CASE o.kind WHEN 'change_tariff' THEN 'tariff_changed' ELSE 'capacity_ordered' END, CAST(NULL AS VARCHAR), a.customer_id,
       o.account_id, CAST(NULL AS VARCHAR), CAST(o.submitted_at AS DATE), CAST(NULL AS DOUBLE)
FROM source.service_order AS o JOIN source.account AS a ON a.account_id = o.account_id
WHERE o.kind IN ('change_tariff', 'increase')
UNION ALL
SELECT 'paid', CAST(NULL AS VARCHAR), a.customer_id, p.account_id, CAST(NULL AS VARCHAR), CAST(p.received_at AS DATE), CAST(NULL AS DOUBLE)
FROM source.payment AS p JOIN source.account AS a ON a.account_id = p.account_id
UNION ALL
SELECT 'record_verified', CAST(NULL AS VARCHAR), c.customer_id, CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), c.verified_on, CAST(NULL AS DOUBLE)
FROM source.customer AS c
WHERE c.verified_on IS NOT NULL
UNION ALL
SELECT 'satisfied_call', CAST(NULL AS VARCHAR), a.customer_id, s.account_id, CAST(NULL AS VARCHAR), CAST(s.opened_at AS DATE), CAST(NULL AS DOUBLE)
FROM source.service_call AS s JOIN source.account AS a ON a.account_id = s.account_id
WHERE s.satisfaction >= 4
