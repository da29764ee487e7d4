/*
title: Long overdue
zh: 长期欠费
flags_zh: 到期超过 max_days 天的账单仍有超过 0.01 元欠费。
what_to_do:
  en: >-
    Dun the customer as the rules of arrears say, with notice before any disconnection; agree on instalments
    or claim the debt in court.
  zh: 按欠费管理规定催缴，停电前履行告知程序；必要时签订还款协议或依法起诉。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: state
proof: same
moves: [unpaid_amount, open_bills, last_due_on]
flags: unpaid above 0.01 on bills due more than max_days before as_of.
at_stake: the unpaid sum
params:
  max_days: {type: integer, default: 60, minimum: 0, doc: Days after the due date.}
messages:
  en: "{unpaid_amount} is unpaid on bills due from {first_due_on} to {last_due_on}, more than {max_days} days ago."
  zh: "到期日 {first_due_on} 至 {last_due_on} 的账单欠费 {unpaid_amount} 元，逾期超过 {max_days} 天。"
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
