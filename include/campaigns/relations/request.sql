/*
grain: one row an account with a completed order
key: [account_id]
purpose: The last service order that was completed.
columns:
  account_id: {type: string, doc: The supply account.}
  order_id: {type: string, doc: The order.}
  kind: {type: string, doc: 'new, increase, reduce and so on.'}
  closed_on: {type: date, doc: Local day it was closed.}
*/
SELECT o.account_id, o.order_id, o.kind, CAST(o.closed_at AS DATE) AS closed_on
FROM source.service_order AS o
WHERE o.outcome = 'completed' AND o.closed_at IS NOT NULL
QUALIFY ROW_NUMBER() OVER (PARTITION BY o.account_id ORDER BY o.closed_at DESC, o.order_id) = 1
