/*
title: Billed by demand without an application
zh: 未办理需量申请按需量计费
kind: exception
modes: [nightly]
subject: account
severity: high
flags: >-
  a demand line on a bill of P of an account whose demand_basis is none or capacity.
messages:
  en: "Bill {first_bill_id} charges demand although the account's basis is {demand_basis}."
  zh: "账单 {first_bill_id} 按需量计费，但需量方式为 {demand_basis}。"
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
WHERE account.demand_basis IN ('none', 'capacity')
