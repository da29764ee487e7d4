/*
grain: one row per payment
key: [payment_id]
purpose: Payments as they were received.
columns:
  payment_id: {type: string, doc: The payment.}
  account_id: {type: string, doc: The account it was made on.}
  org_unit_id: {type: string, doc: Unit of the account.}
  bill_id: {type: string, doc: The bill it names; empty for an advance and for what is matched to none.}
  received_at: {type: timestamp, doc: When it was received.}
  received_on: {type: date, doc: The local day of that.}
  amount: {type: decimal, doc: The amount.}
  channel: {type: string, doc: How it was paid.}
  staff_id: {type: string, doc: Who took it; empty where nobody did.}
  remitted_on: {type: date, doc: When counter money reached the bank; empty while it has not.}
*/
SELECT
  payment.payment_id,
  payment.account_id,
  account.org_unit_id,
  payment.bill_id,
  payment.received_at,
  CAST(payment.received_at AS DATE) AS received_on,
  payment.amount,
  payment.channel,
  payment.staff_id,
  payment.remitted_on
FROM source.payment
LEFT JOIN source.account ON account.account_id = payment.account_id
