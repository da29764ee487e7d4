/*
grain: one row an account
key: [account_id]
purpose: How an account used energy, paid and dealt with the utility in the last 12 months; the common ground of the scores.
columns:
  account_id: {type: string, doc: The supply account.}
  months_billed: {type: integer, doc: Periods with a bill among the 12 up to P.}
  kwh_12m: {type: double, doc: 'Net billed energy of those periods, kWh.'}
  amount_12m: {type: decimal, doc: Net billed amount of those periods.}
  kwh_half: {type: double, doc: 'Billed energy of the 6 periods up to P; empty unless all 6 are billed.'}
  kwh_half_before: {type: double, doc: 'Of the same 6 periods a year before; empty unless all 6 are billed.'}
  kwh_change: {type: double, doc: 'kwh_half over kwh_half_before less 1; empty where either is or the latter is not above 0.'}
  bills_due: {type: integer, doc: Bills whose due date lies in the year up to as_of.}
  paid_on_time: {type: integer, doc: Of those, settled by the due date.}
  paid_early: {type: integer, doc: 'Of those, settled early_days or more before it.'}
  unpaid_30: {type: integer, doc: Of those, not settled 30 days after it.}
  days_late_sum: {type: integer, doc: 'Summed days from due date to settlement, or to as_of while open; never below 0.'}
  last_due_on: {type: date, doc: Due date of the newest of those bills.}
  last_paid_after_days: {type: integer, doc: 'Days from the due date of the newest bill to its settlement (negative when early), or to as_of while open.'}
  open_amount: {type: decimal, doc: Amount of bills past due and not settled.}
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
  SELECT b.account_id, b.period, CAST(b.billed_kwh AS DECIMAL(18,3)) AS kwh, b.total_amount AS amount
  FROM facts.bill_net AS b
  WHERE b.period BETWEEN ADD_MONTHS($period, -17) AND $period
),
energy AS (
  SELECT m.account_id,
         COUNT(*) FILTER (WHERE m.period >= ADD_MONTHS($period, -11)) AS months_billed,
         CAST(SUM(m.kwh) FILTER (WHERE m.period >= ADD_MONTHS($period, -11)) AS DOUBLE) AS kwh_12m,
         SUM(m.amount) FILTER (WHERE m.period >= ADD_MONTHS($period, -11)) AS amount_12m,
         COUNT(*) FILTER (WHERE m.period >= ADD_MONTHS($period, -5)) AS half_months,
         CAST(SUM(m.kwh) FILTER (WHERE m.period >= ADD_MONTHS($period, -5)) AS DOUBLE) AS kwh_half,
         COUNT(*) FILTER (WHERE m.period <= ADD_MONTHS($period, -12)) AS before_months,
         CAST(SUM(m.kwh) FILTER (WHERE m.period <= ADD_MONTHS($period, -12)) AS DOUBLE) AS kwh_half_before
  FROM month AS m
  GROUP BY m.account_id
),
due AS (
  SELECT s.account_id, s.due_on, s.settled_on, s.amount,
         GREATEST(DATE_DIFF('day', s.due_on, COALESCE(s.settled_on, $as_of)), 0) AS days_late,
         ROW_NUMBER() OVER (PARTITION BY s.account_id ORDER BY s.due_on DESC, s.bill_id DESC) AS place
  FROM segment.bill_settlement AS s
  WHERE s.due_on > ADD_MONTHS($as_of, -12) AND s.due_on <= $as_of
),
paying AS (
  SELECT d.account_id,
         COUNT(*) AS bills_due,
         COUNT(*) FILTER (WHERE d.settled_on <= d.due_on) AS paid_on_time,
         COUNT(*) FILTER (WHERE DATE_DIFF('day', d.settled_on, d.due_on) >= $early_days) AS paid_early,
         COUNT(*) FILTER (WHERE d.days_late > 30) AS unpaid_30,
         INTEGER_SUM(d.days_late) AS days_late_sum,
         MAX(d.due_on) AS last_due_on,
         MAX(DATE_DIFF('day', d.due_on, COALESCE(d.settled_on, $as_of))) FILTER (WHERE d.place = 1) AS last_paid_after_days,
         SUM(d.amount) FILTER (WHERE d.settled_on IS NULL AND d.due_on < $as_of) AS open_amount
  FROM due AS d
  GROUP BY d.account_id
),
paid AS (
  SELECT p.account_id,
         COUNT(*) AS payments,
         COUNT(*) FILTER (WHERE p.channel IN ('bank_debit', 'online')) AS digital_payments,
         COUNT(*) FILTER (WHERE p.channel = 'bank_debit') AS debit_payments,
         COUNT(*) FILTER (WHERE p.channel IN ('cash', 'counter_card')) AS counter_payments
  FROM source.payment AS p
  WHERE CAST(p.received_at AS DATE) > ADD_MONTHS($as_of, -12)
  GROUP BY p.account_id
),
called AS (
  SELECT c.account_id, COUNT(*) AS calls, COUNT(*) FILTER (WHERE c.kind = 'complaint') AS complaints
  FROM source.service_call AS c
  WHERE c.account_id IS NOT NULL AND CAST(c.opened_at AS DATE) > ADD_MONTHS($as_of, -12)
  GROUP BY c.account_id
)
SELECT a.account_id,
       COALESCE(e.months_billed, 0) AS months_billed,
       COALESCE(e.kwh_12m, CAST(0 AS DOUBLE)) AS kwh_12m,
       MONEY(COALESCE(e.amount_12m, 0)) AS amount_12m,
       CASE WHEN e.half_months = 6 THEN e.kwh_half END AS kwh_half,
       CASE WHEN e.before_months = 6 THEN e.kwh_half_before END AS kwh_half_before,
       CASE WHEN e.half_months = 6 AND e.before_months = 6 AND e.kwh_half_before > 0
            THEN ROUND(RATIO(e.kwh_half, e.kwh_half_before) - 1, 6) END AS kwh_change,
       COALESCE(p.bills_due, 0) AS bills_due,
       COALESCE(p.paid_on_time, 0) AS paid_on_time,
       COALESCE(p.paid_early, 0) AS paid_early,
       COALESCE(p.unpaid_30, 0) AS unpaid_30,
       COALESCE(p.days_late_sum, 0) AS days_late_sum,
       p.last_due_on,
       CAST(p.last_paid_after_days AS BIGINT) AS last_paid_after_days,
       MONEY(COALESCE(p.open_amount, 0)) AS open_amount,
       COALESCE(r.payments, 0) AS payments,
       COALESCE(r.digital_payments, 0) AS digital_payments,
       COALESCE(r.debit_payments, 0) AS debit_payments,
       COALESCE(r.counter_payments, 0) AS counter_payments,
       COALESCE(c.complaints, 0) AS complaints,
       COALESCE(c.calls, 0) AS calls
FROM source.account AS a
LEFT JOIN energy AS e ON e.account_id = a.account_id
LEFT JOIN paying AS p ON p.account_id = a.account_id
LEFT JOIN paid AS r ON r.account_id = a.account_id
LEFT JOIN called AS c ON c.account_id = a.account_id
