/*
grain: one row per account whose bills cover several months
key: [account_id]
purpose: How many months a bill of the account covers, and whether one is due for P, decided once. An account without a row is billed, and so due, in every month.
columns:
  account_id: {type: string, doc: The supply account.}
  billing_months: {type: integer, doc: 'Months that a bill covers, above 1.'}
  last_period: {type: date, doc: Period of its last bill before P that corrects none; empty where it has none.}
  is_due: {type: boolean, doc: 'A bill is due for P: the last one lies at least billing_months months before; where there is none, the account was opened as long before the last day of P.'}
*/
SELECT
  cycle_month.account_id,
  cycle_month.billing_months,
  cycle_month.last_period,
  cycle_month.is_due
FROM facts.cycle_month
WHERE cycle_month.period = $period
