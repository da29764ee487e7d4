/*
grain: one row per order of kind new or increase that is neither closed nor withdrawn nor rejected
key: [order_id]
purpose: The applications in hand that the rules of applications look at, decided once.
view: true
*/
SELECT service_order.*
FROM source.service_order
WHERE
  service_order.kind IN ('new', 'increase')
  AND service_order.closed_at IS NULL
  AND (service_order.outcome IS NULL OR service_order.outcome NOT IN ('withdrawn', 'rejected'))
