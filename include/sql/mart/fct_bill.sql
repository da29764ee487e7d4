/*
grain: one row per account and billed month
key: [account_id, period]
purpose: What an account was billed for a month and how it was paid, corrections included.
columns:
  account_id: {type: string, doc: The supply account.}
  period: {type: date, doc: First day of the billed month.}
  billed_kwh: {type: double, doc: Net billed energy in kWh.}
  total_amount: {type: decimal, doc: Net total of the month's bills.}
  paid_amount: {type: decimal, doc: Payments of the month's bills.}
  unpaid_amount: {type: decimal, doc: Total less paid; negative is a credit.}
  due_on: {type: date, doc: Due date of the month's bill; the earliest where there are several.}
  days_late: {type: integer, doc: 'Of the bill that was latest, each against its own due date: days to its settlement, or to as_of while more than 0.01 is open (facts.bill_late); 0 where none is late.'}
  overdue_amount: {type: decimal, doc: What is open of the bills due before as_of.}
*/
WITH paid AS (
  SELECT
    bill_paid.account_id,
    bill_paid.period,
    SUM(bill_paid.paid_amount) AS paid_amount,
    COALESCE(MIN(CASE WHEN NOT bill_paid.is_correction THEN bill_paid.due_on END), MIN(bill_paid.due_on))
      AS due_on
  FROM facts.bill_paid
  GROUP BY bill_paid.account_id, bill_paid.period
),

late AS (
  SELECT
    bill_late.account_id,
    bill_late.period,
    MAX(bill_late.days_late) AS days_late,
    SUM(bill_late.overdue_amount) AS overdue_amount
  FROM facts.bill_late
  GROUP BY bill_late.account_id, bill_late.period
)

SELECT
  bill_net.account_id,
  bill_net.period,
  bill_net.billed_kwh,
  bill_net.total_amount,
  MONEY(paid.paid_amount) AS paid_amount,
  MONEY(bill_net.total_amount - paid.paid_amount) AS unpaid_amount,
  paid.due_on,
  late.days_late,
  MONEY(late.overdue_amount) AS overdue_amount
FROM facts.bill_net
JOIN paid ON paid.account_id = bill_net.account_id AND paid.period = bill_net.period
JOIN late ON late.account_id = bill_net.account_id AND late.period = bill_net.period
