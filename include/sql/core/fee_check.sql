/*
grain: one row an account and kind of fee that stands on it
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
  SELECT f.account_id, f.kind, f.fee_id, f.standard_amount, f.charged_amount,
         COALESCE(f.charged_amount <> f.standard_amount AND NOT f.waiver_approved, FALSE) AS is_wrong
  FROM source.fee AS f
)
SELECT j.account_id,
       j.kind AS fee_kind,
       COUNT(*) AS fees,
       COUNT(*) FILTER (WHERE j.is_wrong) AS wrong_fees,
       MIN(j.fee_id) FILTER (WHERE j.is_wrong) AS first_wrong_fee_id,
       MONEY(SUM(j.standard_amount) FILTER (WHERE j.is_wrong)) AS standard_amount,
       MONEY(SUM(j.charged_amount) FILTER (WHERE j.is_wrong)) AS charged_amount
FROM judged AS j
GROUP BY j.account_id, j.kind
