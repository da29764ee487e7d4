/*
grain: one row an account with a bill in the 12 months up to the audited one
key: [account_id]
purpose: How an account was billed and how it paid, from mart.fct_bill.
columns:
  account_id: {type: string, doc: The supply account.}
  bills: {type: integer, doc: Months billed.}
  late_bills: {type: integer, doc: Of them paid late or overdue.}
  mean_days_late: {type: double, doc: Of the late ones.}
  total_amount: {type: decimal, doc: Billed.}
  overdue_amount: {type: decimal, doc: 'Open of bills past their due dates, also of earlier months (facts.bill_settlement).'}
*/
SELECT b.account_id,
       COUNT(*) FILTER (WHERE b.period > CAST(ADD_MONTHS($period, -12) AS DATE)) AS bills,
       COUNT(*) FILTER (WHERE b.period > CAST(ADD_MONTHS($period, -12) AS DATE) AND b.days_late > 0) AS late_bills,
       AVG(b.days_late) FILTER (WHERE b.period > CAST(ADD_MONTHS($period, -12) AS DATE) AND b.days_late > 0) AS mean_days_late,
       CAST(SUM(b.total_amount) FILTER (WHERE b.period > CAST(ADD_MONTHS($period, -12) AS DATE)) AS DECIMAL(18,2)) AS total_amount,
       CAST(SUM(b.overdue_amount) AS DECIMAL(18,2)) AS overdue_amount
FROM mart.fct_bill AS b
WHERE b.period <= $period
GROUP BY b.account_id
HAVING COUNT(*) FILTER (WHERE b.period > CAST(ADD_MONTHS($period, -12) AS DATE)) > 0
