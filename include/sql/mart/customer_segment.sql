/*
grain: one row per customer and method
key: [customer_id, method]
purpose: The six classifications of a customer.
columns:
  customer_id: {type: string, doc: The customer.}
  method: {type: string, doc: 'static, behaviour, value, cluster, association or composite.'}
  segment: {type: string, doc: Where the method puts the customer.}
  score: {type: double, doc: What the method measured (see segment.customer_segment).}
*/
SELECT
  customer_segment.customer_id,
  customer_segment.method,
  customer_segment.segment,
  customer_segment.score
FROM segment.customer_segment
