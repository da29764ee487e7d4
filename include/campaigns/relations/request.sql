/*
grain: one row per account with a completed order
key: [account_id]
purpose: The last service order that was completed.
columns:
  account_id: {type: string, doc: The supply account.}
  order_id: {type: string, doc: The order.}
  kind: {type: string, doc: 'new, increase, reduce and so on.'}
  closed_on: {type: date, doc: Local day it was closed.}
*/
SELECT
  service_order.account_id,
  service_order.order_id,
  service_order.kind,
  CAST(service_order.closed_at AS DATE) AS closed_on
FROM source.service_order
WHERE service_order.outcome = 'completed' AND service_order.closed_at IS NOT NULL
QUALIFY
  ROW_NUMBER() OVER (
    PARTITION BY service_order.account_id ORDER BY service_order.closed_at DESC, service_order.order_id
  ) = 1
