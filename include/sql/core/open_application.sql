/*
grain: one row an order of kind new or increase that is neither closed nor withdrawn nor rejected
key: [order_id]
purpose: The applications in hand that the rules of applications look at, decided once.
view: true
*/
SELECT o.*
FROM source.service_order AS o
WHERE o.kind IN ('new', 'increase')
  AND o.closed_at IS NULL
  AND (o.outcome IS NULL OR o.outcome NOT IN ('withdrawn', 'rejected'))
