/*
grain: one row per account and kind of fee that stands on it
key: [account_id, fee_kind]
purpose: Whether the fees of a kind are charged by the published schedule, decided once. One that is wrong is enough.
view: true
columns:
  account_id: {type: string, doc: The supply account.}
  fee_kind: {type: string, doc: 'As in source.fee.'}
  fees: {type: integer, doc: Fees of the kind.}
  wrong_fees: {type: integer, doc: Those charged other than by the schedule without an approved waiver.}
  first_wrong_fee_id: {type: string, doc: The first of these by id.}
  standard_amount: {type: decimal, doc: What the schedule asks for the wrong ones; empty where none is.}
  charged_amount: {type: decimal, doc: What was charged for the wrong ones; empty where none is.}
*/
WITH judged AS (
  SELECT
    fee.account_id,
    fee.kind,
    fee.fee_id,
    fee.standard_amount,
    fee.charged_amount,
    COALESCE(fee.charged_amount <> fee.standard_amount AND NOT fee.waiver_approved, FALSE) AS is_wrong
  FROM source.fee
)

SELECT
  judged.account_id,
  judged.kind AS fee_kind,
  COUNT(*) AS fees,
  COUNT(*) FILTER (WHERE judged.is_wrong) AS wrong_fees,
  MIN(judged.fee_id) FILTER (WHERE judged.is_wrong) AS first_wrong_fee_id,
  MONEY(SUM(judged.standard_amount) FILTER (WHERE judged.is_wrong)) AS standard_amount,
  MONEY(SUM(judged.charged_amount) FILTER (WHERE judged.is_wrong)) AS charged_amount
FROM judged
GROUP BY judged.account_id, judged.kind
