/*
grain: one row a customer who called within a year
key: [customer_id]
purpose: What a customer told the hotline.
columns:
  customer_id: {type: string, doc: The customer.}
  last_satisfaction: {type: integer, doc: '1 to 5, of the last call that was rated.'}
  complaints: {type: integer, doc: Within a year.}
  praises: {type: integer, doc: Within a year.}
*/
SELECT a.customer_id,
       ARG_MAX(s.satisfaction, s.opened_at) AS last_satisfaction,
       COUNT(*) FILTER (WHERE s.kind = 'complaint') AS complaints,
       COUNT(*) FILTER (WHERE s.kind = 'praise') AS praises
FROM source.service_call AS s
JOIN source.account AS a ON a.account_id = s.account_id
WHERE CAST(s.opened_at AS DATE) > CAST(ADD_MONTHS($as_of, -12) AS DATE)
GROUP BY a.customer_id
