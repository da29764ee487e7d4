/*
grain: one row per account whose bills cover several months and month (P and the eleven before)
key: [account_id, period]
purpose: Whether a bill of the account is due for a month, decided once. An account without a row is billed, and so due, in every month.
view: true
columns:
  account_id: {type: string, doc: The supply account.}
  period: {type: date, doc: First day of the month.}
  billing_months: {type: integer, doc: 'Months that a bill covers, above 1.'}
  last_period: {type: date, doc: Period of its last bill before the month that corrects none; empty where it has none.}
  is_due: {type: boolean, doc: 'A bill is due for the month: the last one lies at least billing_months months before; where there is none, the account was opened as long before the last day of the month.'}
*/
WITH cycle AS (
  SELECT
    account.account_id,
    account.billing_months,
    account.opened_on,
    audited_month.period,
    audited_month.period_end
  FROM source.account
  CROSS JOIN core.audited_month
  WHERE account.billing_months > 1
),

billed AS (
  SELECT
    cycle.account_id,
    cycle.period,
    MAX(bill.period) AS last_period
  FROM cycle
  JOIN source.bill ON bill.account_id = cycle.account_id
  WHERE bill.corrects_bill_id IS NULL AND bill.period < cycle.period
  GROUP BY cycle.account_id, cycle.period
)

SELECT
  cycle.account_id,
  cycle.period,
  cycle.billing_months,
  billed.last_period,
  COALESCE(
    CASE
      WHEN
        billed.last_period IS NOT NULL
        THEN billed.last_period <= ADD_MONTHS(cycle.period, CAST(-cycle.billing_months AS INT))
      ELSE cycle.opened_on <= ADD_MONTHS(cycle.period_end, CAST(-cycle.billing_months AS INT))
    END,
    FALSE
  ) AS is_due
FROM cycle
LEFT JOIN billed ON billed.account_id = cycle.account_id AND billed.period = cycle.period
