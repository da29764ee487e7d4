/*
grain: one row per payment that names no bill, or none that is known
key: [payment_id]
purpose: Money that counts for an account, not for a bill of its own; it settles the account's bills in order (facts.bill_settlement).
columns:
  payment_id: {type: string, doc: The payment.}
  account_id: {type: string, doc: The account it was paid on.}
  received_at: {type: timestamp, doc: When it came.}
  amount: {type: decimal, doc: The amount; negative where it was given back.}
*/
SELECT
  payment.payment_id,
  payment.account_id,
  payment.received_at,
  payment.amount
FROM source.payment
LEFT JOIN source.bill ON bill.bill_id = payment.bill_id
WHERE bill.bill_id IS NULL
