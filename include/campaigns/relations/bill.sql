/*
grain: one row per account with a bill in the 12 months up to the audited one
key: [account_id]
purpose: How an account was billed and how it paid, from mart.fct_bill.
columns:
  account_id: {type: string, doc: The supply account.}
  bills: {type: integer, doc: Months billed.}
  late_bills: {type: integer, doc: Of them paid late or overdue.}
  mean_days_late: {type: double, doc: Of the late ones.}
  total_amount: {type: decimal, doc: Billed.}
  overdue_amount: {type: decimal, doc: 'Open of bills past their due dates, also of earlier months (facts.bill_settlement).'}
  due_soon_on: {type: date, doc: Next day after as_of on which something that is open is due.}
  due_soon_amount: {type: decimal, doc: What is open of the bills due on it.}
*/
WITH open_bill AS (
  SELECT
    bill.account_id,
    bill.due_on,
    SUM(bill.unpaid_amount) AS open_amount
  FROM mart.fct_bill AS bill
  WHERE bill.unpaid_amount > 0 AND bill.due_on > $as_of
  GROUP BY bill.account_id, bill.due_on
  QUALIFY ROW_NUMBER() OVER (PARTITION BY bill.account_id ORDER BY bill.due_on) = 1
)

SELECT
  bill.account_id,
  COUNT(*) FILTER (WHERE bill.period > ADD_MONTHS($period, -12)) AS bills,
  COUNT(*) FILTER (
    WHERE bill.period > ADD_MONTHS($period, -12) AND bill.days_late > 0
  ) AS late_bills,
  AVG(bill.days_late) FILTER (
    WHERE bill.period > ADD_MONTHS($period, -12) AND bill.days_late > 0
  ) AS mean_days_late,
  MONEY(SUM(bill.total_amount) FILTER (WHERE bill.period > ADD_MONTHS($period, -12))) AS total_amount,
  MONEY(SUM(bill.overdue_amount)) AS overdue_amount,
  MIN(open_bill.due_on) AS due_soon_on,
  MONEY(MIN(open_bill.open_amount)) AS due_soon_amount
FROM mart.fct_bill AS bill
LEFT JOIN open_bill ON open_bill.account_id = bill.account_id
WHERE bill.period <= $period
GROUP BY bill.account_id
HAVING COUNT(*) FILTER (WHERE bill.period > ADD_MONTHS($period, -12)) > 0
