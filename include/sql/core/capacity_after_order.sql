/*
grain: one row per application in hand whose account is known
key: [order_id]
purpose: The capacity that an account has once its application is carried out, which is what an application is judged by.
columns:
  order_id: {type: string, doc: The order.}
  account_id: {type: string, doc: The account that it is for.}
  contracted_kva: {type: double, doc: Contracted capacity as it stands in kVA.}
  requested_kva: {type: double, doc: 'What the order asks for in kVA: the capacity of a new supply, what an increase adds; empty where it says nothing.'}
  capacity_after_kva: {type: double, doc: 'Capacity after the order in kVA; an increase that is energized is in contracted_kva already.'}
*/
SELECT
  open_application.order_id,
  open_application.account_id,
  account.contracted_kva,
  open_application.requested_kva,
  CASE
    WHEN open_application.requested_kva IS NULL THEN account.contracted_kva
    WHEN open_application.kind = 'new' THEN open_application.requested_kva
    WHEN open_application.energized_at IS NULL
      THEN ROUND(account.contracted_kva + open_application.requested_kva, 6)
    ELSE account.contracted_kva
  END AS capacity_after_kva
FROM core.open_application
INNER JOIN source.account ON account.account_id = open_application.account_id
