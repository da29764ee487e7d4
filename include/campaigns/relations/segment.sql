/*
grain: one row per customer and method
key: [customer_id, method]
purpose: What segment('…') asks, from mart.customer_segment.
columns:
  customer_id: {type: string, doc: The customer.}
  method: {type: string, doc: 'static, behaviour, value, cluster, association or composite.'}
  segment: {type: string, doc: The customer's segment.}
*/
SELECT
  customer_id,
  method,
  segment
FROM mart.customer_segment
