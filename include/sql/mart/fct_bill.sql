/*
grain: one row per account and billed month
key: [account_id, period]
purpose: What an account was billed for a month and how it was paid, corrections included.
columns:
  account_id: {type: string, doc: The supply account.}
  period: {type: date, doc: First day of the billed month.}
  billed_kwh: {type: double, doc: Net billed energy in kWh.}
  total_amount: {type: decimal, doc: Net total of the month's bills.}
  paid_amount: {type: decimal, doc: 'What payments and credits of the account settled of the month''s bills, whichever bill they named (facts.bill_settlement).'}
  unpaid_amount: {type: decimal, doc: 'What is left of the month''s bills; negative is what is left of a credit.'}
  due_on: {type: date, doc: Due date of the month's bill; the earliest where there are several.}
  days_late: {type: integer, doc: 'Of the bill that was latest, each against its own due date: days to its settlement, or to as_of while more than 0.01 is open (facts.bill_settlement); 0 where none is late.'}
  overdue_amount: {type: decimal, doc: What is open of the bills due before as_of.}
  org_unit_id: {type: string, doc: Unit of the account.}
*/
WITH settled AS (
  SELECT
    bill_settlement.account_id,
    bill_settlement.period,
    SUM(bill_settlement.unpaid_amount) AS unpaid_amount,
    COALESCE(
      MIN(CASE WHEN NOT bill_settlement.is_correction THEN bill_settlement.due_on END),
      MIN(bill_settlement.due_on)
    ) AS due_on,
    MAX(bill_settlement.days_late) AS days_late,
    SUM(bill_settlement.overdue_amount) AS overdue_amount
  FROM facts.bill_settlement
  GROUP BY bill_settlement.account_id, bill_settlement.period
)

SELECT
  bill_net.account_id,
  bill_net.period,
  bill_net.billed_kwh,
  bill_net.total_amount,
  MONEY(bill_net.total_amount - settled.unpaid_amount) AS paid_amount,
  MONEY(settled.unpaid_amount) AS unpaid_amount,
  settled.due_on,
  settled.days_late,
  MONEY(settled.overdue_amount) AS overdue_amount,
  account.org_unit_id
FROM facts.bill_net
JOIN settled ON settled.account_id = bill_net.account_id AND settled.period = bill_net.period
LEFT JOIN source.account ON account.account_id = bill_net.account_id
