/*
grain: one row per customer who called within a year
key: [customer_id]
purpose: What a customer told the hotline.
columns:
  customer_id: {type: string, doc: The customer.}
  last_satisfaction: {type: integer, doc: '1 to 5, of the last call that was rated.'}
  complaints: {type: integer, doc: Within a year.}
  praises: {type: integer, doc: Within a year.}
*/
SELECT
  account.customer_id,
  ARG_MAX(service_call.satisfaction, service_call.opened_at) AS last_satisfaction,
  COUNT(*) FILTER (WHERE service_call.kind = 'complaint') AS complaints,
  COUNT(*) FILTER (WHERE service_call.kind = 'praise') AS praises
FROM source.service_call
JOIN source.account ON account.account_id = service_call.account_id
WHERE CAST(service_call.opened_at AS DATE) > ADD_MONTHS($as_of, -12)
GROUP BY account.customer_id
