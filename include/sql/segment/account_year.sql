/*
grain: one row per account
key: [account_id]
purpose: How an account used energy, paid and dealt with the utility in the last 12 months; the common ground of the scores.
columns:
  account_id: {type: string, doc: The supply account.}
  months_billed: {type: integer, doc: Periods with a bill among the 12 up to P.}
  kwh_12m: {type: double, doc: 'Net billed energy of those periods, kWh.'}
  amount_12m: {type: decimal, doc: Net billed amount of those periods.}
  kwh_half: {type: double, doc: 'Billed energy of the 6 periods up to P; empty unless all 6 are billed.'}
  kwh_half_before: {type: double, doc: 'Of the same 6 periods a year before; empty unless all 6 are billed.'}
  kwh_12m_before: {type: double, doc: 'Billed energy of the 12 periods before those; empty unless all 24 are billed.'}
  kwh_change: {type: double, doc: 'kwh_half over kwh_half_before less 1; empty where either is or the latter is not above 0.'}
  bills_due: {type: integer, doc: Bills whose due date lies in the year up to as_of.}
  paid_on_time: {type: integer, doc: Of those, settled by the due date.}
  paid_early: {type: integer, doc: 'Of those, settled early_days or more before it.'}
  unpaid_30: {type: integer, doc: Of those, not settled 30 days after it.}
  days_late_sum: {type: integer, doc: 'Summed days from due date to settlement, or to as_of while open; never below 0.'}
  last_due_on: {type: date, doc: Due date of the newest of those bills.}
  last_paid_after_days: {type: integer, doc: 'Days from the due date of the newest bill to its settlement (negative when early), or to as_of while open.'}
  open_amount: {type: decimal, doc: What is open of bills past due.}
  payments: {type: integer, doc: Payments received in the year.}
  digital_payments: {type: integer, doc: Of those, by bank debit or online.}
  debit_payments: {type: integer, doc: Of those, by bank debit.}
  counter_payments: {type: integer, doc: Of those, at the counter.}
  complaints: {type: integer, doc: Complaints in the year.}
  calls: {type: integer, doc: Calls of any kind in the year.}
params:
  early_days: {type: integer, default: 5, minimum: 1, maximum: 60, doc: So many days before the due date is early.}
*/
WITH month AS (
  SELECT
    bill_net.account_id,
    bill_net.period,
    CAST(bill_net.billed_kwh AS DECIMAL(18, 3)) AS kwh,
    bill_net.total_amount AS amount
  FROM facts.bill_net
  WHERE bill_net.period BETWEEN ADD_MONTHS($period, -23) AND $period
),

energy AS (
  SELECT
    month.account_id,
    COUNT(*) FILTER (WHERE month.period >= ADD_MONTHS($period, -11)) AS months_billed,
    CAST(SUM(month.kwh) FILTER (WHERE month.period >= ADD_MONTHS($period, -11)) AS DOUBLE) AS kwh_12m,
    SUM(month.amount) FILTER (WHERE month.period >= ADD_MONTHS($period, -11)) AS amount_12m,
    COUNT(*) FILTER (WHERE month.period >= ADD_MONTHS($period, -5)) AS half_months,
    CAST(SUM(month.kwh) FILTER (WHERE month.period >= ADD_MONTHS($period, -5)) AS DOUBLE) AS kwh_half,
    COUNT(*) FILTER (WHERE month.period BETWEEN ADD_MONTHS($period, -17) AND ADD_MONTHS($period, -12))
      AS before_months,
    CAST(
      SUM(month.kwh) FILTER (
        WHERE month.period BETWEEN ADD_MONTHS($period, -17) AND ADD_MONTHS($period, -12)
      ) AS DOUBLE
    ) AS kwh_half_before,
    COUNT(*) AS all_months,
    CAST(SUM(month.kwh) FILTER (WHERE month.period <= ADD_MONTHS($period, -12)) AS DOUBLE) AS kwh_12m_before
  FROM month
  GROUP BY month.account_id
),

due AS (
  SELECT
    bill_settlement.account_id,
    bill_settlement.due_on,
    bill_settlement.settled_on,
    bill_settlement.overdue_amount,
    GREATEST(DATE_DIFF('day', bill_settlement.due_on, COALESCE(bill_settlement.settled_on, $as_of)), 0)
      AS days_late,
    ROW_NUMBER()
      OVER (
        PARTITION BY bill_settlement.account_id
        ORDER BY bill_settlement.due_on DESC, bill_settlement.bill_id DESC
      )
      AS place
  FROM facts.bill_settlement
  WHERE
    bill_settlement.amount > 0
    AND bill_settlement.due_on > ADD_MONTHS($as_of, -12)
    AND bill_settlement.due_on <= $as_of
),

paying AS (
  SELECT
    due.account_id,
    COUNT(*) AS bills_due,
    COUNT(*) FILTER (WHERE due.settled_on <= due.due_on) AS paid_on_time,
    COUNT(*) FILTER (WHERE DATE_DIFF('day', due.settled_on, due.due_on) >= $early_days) AS paid_early,
    COUNT(*) FILTER (WHERE due.days_late > 30) AS unpaid_30,
    INTEGER_SUM(due.days_late) AS days_late_sum,
    MAX(due.due_on) AS last_due_on,
    MAX(DATE_DIFF('day', due.due_on, COALESCE(due.settled_on, $as_of))) FILTER (WHERE due.place = 1)
      AS last_paid_after_days,
    SUM(due.overdue_amount) AS open_amount
  FROM due
  GROUP BY due.account_id
),

paid AS (
  SELECT
    payment.account_id,
    COUNT(*) AS payments,
    COUNT(*) FILTER (WHERE payment.channel IN ('bank_debit', 'online')) AS digital_payments,
    COUNT(*) FILTER (WHERE payment.channel = 'bank_debit') AS debit_payments,
    COUNT(*) FILTER (WHERE payment.channel IN ('cash', 'counter_card')) AS counter_payments
  FROM source.payment
  WHERE CAST(payment.received_at AS DATE) > ADD_MONTHS($as_of, -12)
  GROUP BY payment.account_id
),

called AS (
  SELECT
    service_call.account_id,
    COUNT(*) AS calls,
    COUNT(*) FILTER (WHERE service_call.kind = 'complaint') AS complaints
  FROM source.service_call
  WHERE service_call.account_id IS NOT NULL AND CAST(service_call.opened_at AS DATE) > ADD_MONTHS($as_of, -12)
  GROUP BY service_call.account_id
)

SELECT
  account.account_id,
  COALESCE(energy.months_billed, 0) AS months_billed,
  COALESCE(energy.kwh_12m, CAST(0 AS DOUBLE)) AS kwh_12m,
  MONEY(COALESCE(energy.amount_12m, 0)) AS amount_12m,
  CASE WHEN energy.half_months = 6 THEN energy.kwh_half END AS kwh_half,
  CASE WHEN energy.before_months = 6 THEN energy.kwh_half_before END AS kwh_half_before,
  CASE WHEN energy.all_months = 24 THEN energy.kwh_12m_before END AS kwh_12m_before,
  CASE
    WHEN energy.half_months = 6 AND energy.before_months = 6 AND energy.kwh_half_before > 0
      THEN ROUND(RATIO(energy.kwh_half, energy.kwh_half_before) - 1, 6)
  END AS kwh_change,
  COALESCE(paying.bills_due, 0) AS bills_due,
  COALESCE(paying.paid_on_time, 0) AS paid_on_time,
  COALESCE(paying.paid_early, 0) AS paid_early,
  COALESCE(paying.unpaid_30, 0) AS unpaid_30,
  COALESCE(paying.days_late_sum, 0) AS days_late_sum,
  paying.last_due_on,
  CAST(paying.last_paid_after_days AS BIGINT) AS last_paid_after_days,
  MONEY(COALESCE(paying.open_amount, 0)) AS open_amount,
  COALESCE(paid.payments, 0) AS payments,
  COALESCE(paid.digital_payments, 0) AS digital_payments,
  COALESCE(paid.debit_payments, 0) AS debit_payments,
  COALESCE(paid.counter_payments, 0) AS counter_payments,
  COALESCE(called.complaints, 0) AS complaints,
  COALESCE(called.calls, 0) AS calls
FROM source.account
LEFT JOIN energy ON energy.account_id = account.account_id
LEFT JOIN paying ON paying.account_id = account.account_id
LEFT JOIN paid ON paid.account_id = account.account_id
LEFT JOIN called ON called.account_id = account.account_id
