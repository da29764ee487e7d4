/*
grain: one row per account with a bill
key: [account_id]
purpose: What an account owes over all its bills, and what it is billed in a month.
columns:
  account_id: {type: string, doc: The supply account.}
  billed_amount: {type: decimal, doc: Totals of all its bills.}
  paid_amount: {type: decimal, doc: 'The payments that name one of them, and those on the account that name no known bill.'}
  unpaid_amount: {type: decimal, doc: Billed less paid; negative is a credit.}
  mean_monthly_amount: {type: double, doc: 'Mean net total of the billed ones of the six months up to P; where a bill covers several months of the last six billed periods, by month. Empty where there is none.'}
*/
WITH billed AS (
  SELECT
    bill_net.account_id,
    SUM(bill_net.total_amount) AS billed_amount,
    RATIO(
      SUM(bill_net.total_amount) FILTER (
        WHERE bill_net.period <= $period AND bill_net.period > ADD_MONTHS($period, -6)
      ),
      COUNT(*) FILTER (WHERE bill_net.period <= $period AND bill_net.period > ADD_MONTHS($period, -6))
    ) AS mean_monthly_amount
  FROM facts.bill_net
  GROUP BY bill_net.account_id
),

cycle AS (
  SELECT
    cycle_period.account_id,
    RATIO(SUM(bill_net.total_amount), COUNT(*) * MIN(billing_cycle.billing_months)) AS mean_monthly_amount
  FROM facts.cycle_period
  JOIN facts.billing_cycle ON billing_cycle.account_id = cycle_period.account_id
  JOIN facts.bill_net
    ON bill_net.account_id = cycle_period.account_id AND bill_net.period = cycle_period.period
  WHERE cycle_period.recent_no <= 6
  GROUP BY cycle_period.account_id
),

received AS (
  SELECT
    bill_paid.account_id,
    bill_paid.paid_amount AS amount
  FROM facts.bill_paid
  UNION ALL
  SELECT
    loose_payment.account_id,
    loose_payment.amount
  FROM facts.loose_payment
),

paid AS (
  SELECT
    received.account_id,
    SUM(received.amount) AS paid_amount
  FROM received
  GROUP BY received.account_id
)

SELECT
  billed.account_id,
  MONEY(billed.billed_amount) AS billed_amount,
  MONEY(COALESCE(paid.paid_amount, 0)) AS paid_amount,
  MONEY(billed.billed_amount - COALESCE(paid.paid_amount, 0)) AS unpaid_amount,
  CASE
    WHEN billing_cycle.account_id IS NULL THEN billed.mean_monthly_amount ELSE cycle.mean_monthly_amount
  END
    AS mean_monthly_amount
FROM billed
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = billed.account_id
LEFT JOIN cycle ON cycle.account_id = billed.account_id
LEFT JOIN paid ON paid.account_id = billed.account_id
