/*
title: Billed by demand without an application
zh: 未办理需量申请按需量计费
flags_zh: 账户基本电费计收方式为不计或按容量，而审核月账单有需量电费。
what_to_do:
  en: >-
    Ask for the customer's application. With one, correct the file; without one, bill the month anew on the
    basis that is filed.
  zh: 核查客户申请：有申请的更正档案，无申请的按档案计收方式重新计费并退补。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: month
proof: same
flags: >-
  a demand line on a bill of P of an account whose demand_basis is none or capacity.
messages:
  en: "Demand of {demand_amount} was charged in {demand_lines} lines, but the account's basic charge is filed as: {demand_basis}."
  zh: "账单计收需量电费 {demand_amount} 元（{demand_lines} 项），而档案基本电费计收方式为：{demand_basis}。"
*/
WITH billed AS (
  SELECT
    bill.account_id,
    COUNT(bill_line.bill_id) AS demand_lines,
    MIN(bill_line.bill_id) AS first_bill_id,
    SUM(bill_line.amount) AS demand_amount
  FROM source.bill
  LEFT JOIN source.bill_line ON bill_line.bill_id = bill.bill_id AND bill_line.component = 'demand'
  WHERE bill.period = $period
  GROUP BY bill.account_id
)

SELECT
  account.account_id AS subject_id,
  account.account_id,
  billed.demand_lines > 0 AS flagged,
  account.demand_basis,
  billed.demand_lines,
  billed.first_bill_id,
  billed.demand_amount
FROM source.account
INNER JOIN billed ON billed.account_id = account.account_id
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = account.account_id
WHERE account.demand_basis IN ('none', 'capacity') AND COALESCE(billing_cycle.is_due, TRUE)
