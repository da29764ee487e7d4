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
  SELECT p.account_id,
         SUM(p.total_amount) - SUM(p.paid_amount) AS unpaid_amount,
         MIN(CASE WHEN p.total_amount > p.paid_amount THEN p.due_on END) AS first_due_on,
         MAX(p.due_on) AS last_due_on,
         MIN(CASE WHEN p.total_amount > p.paid_amount THEN p.bill_id END) AS first_bill_id,
         COUNT(*) FILTER (WHERE p.total_amount > p.paid_amount) AS open_bills
  FROM facts.bill_paid AS p
  WHERE DATE_DIFF('day', p.due_on, $as_of) > $max_days
  GROUP BY p.account_id
)
SELECT d.account_id AS subject_id,
       d.account_id,
       d.unpaid_amount > 0.01 AS flagged,
       MONEY(d.unpaid_amount) AS at_stake_amount,
       MONEY(d.unpaid_amount) AS unpaid_amount,
       d.open_bills,
       d.first_due_on,
       d.last_due_on,
       d.first_bill_id,
       $max_days AS max_days
FROM due AS d
