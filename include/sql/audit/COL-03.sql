/*
title: Long overdue
zh: 长期欠费
kind: exception
modes: [nightly]
subject: account
severity: high
flags: unpaid above 0.01 on bills due more than max_days before as_of.
at_stake: the unpaid sum
params:
  max_days: {type: integer, default: 60, minimum: 0, doc: Days after the due date.}
messages:
  en: "{unpaid_amount} is unpaid on bills due up to {last_due_on}, the first on {first_due_on}."
  zh: "截至 {last_due_on} 到期账单欠费 {unpaid_amount} 元，最早到期日 {first_due_on}。"
*/
WITH due AS (
  SELECT
    bill_settlement.account_id,
    SUM(bill_settlement.unpaid_amount) AS unpaid_amount,
    MIN(CASE WHEN bill_settlement.unpaid_amount > 0 THEN bill_settlement.due_on END) AS first_due_on,
    MAX(bill_settlement.due_on) AS last_due_on,
    MIN(CASE WHEN bill_settlement.unpaid_amount > 0 THEN bill_settlement.bill_id END) AS first_bill_id,
    COUNT(*) FILTER (WHERE bill_settlement.unpaid_amount > 0) AS open_bills
  FROM facts.bill_settlement
  WHERE DATE_DIFF('day', bill_settlement.due_on, $as_of) > $max_days
  GROUP BY bill_settlement.account_id
)

SELECT
  due.account_id AS subject_id,
  due.account_id,
  due.unpaid_amount > 0.01 AS flagged,
  MONEY(due.unpaid_amount) AS at_stake_amount,
  MONEY(due.unpaid_amount) AS unpaid_amount,
  due.open_bills,
  due.first_due_on,
  due.last_due_on,
  due.first_bill_id,
  $max_days AS max_days
FROM due
