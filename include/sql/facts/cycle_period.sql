/*
grain: one row per account whose bills cover several months and billed period up to P
key: [account_id, period]
purpose: Which bill of such an account came before which; "the periods before" are those that were billed.
columns:
  account_id: {type: string, doc: The supply account.}
  period: {type: date, doc: First day of a billed period.}
  billed_no: {type: integer, doc: '0 for P, 1 for the last billed period before P, and so on.'}
  recent_no: {type: integer, doc: '1 for the last billed period up to P, be it P or one before, and so on.'}
*/
SELECT
  bill_net.account_id,
  bill_net.period,
  ROW_NUMBER()
    OVER (
      PARTITION BY bill_net.account_id, bill_net.period = $period ORDER BY bill_net.period DESC
    )
  - CASE WHEN bill_net.period = $period THEN 1 ELSE 0 END AS billed_no,
  ROW_NUMBER() OVER (PARTITION BY bill_net.account_id ORDER BY bill_net.period DESC) AS recent_no
FROM facts.billing_cycle
JOIN facts.bill_net ON bill_net.account_id = billing_cycle.account_id
WHERE bill_net.period <= $period
