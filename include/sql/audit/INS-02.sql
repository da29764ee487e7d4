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
  SELECT b.account_id,
         COUNT(l.bill_id) AS demand_lines,
         MIN(l.bill_id) AS first_bill_id,
         SUM(l.amount) AS demand_amount
  FROM source.bill AS b
  LEFT JOIN source.bill_line AS l ON l.bill_id = b.bill_id AND l.component = 'demand'
  WHERE b.period = $period
  GROUP BY b.account_id
)
SELECT a.account_id AS subject_id,
       a.account_id,
       b.demand_lines > 0 AS flagged,
       a.demand_basis,
       b.demand_lines,
       b.first_bill_id,
       b.demand_amount
FROM source.account AS a
INNER JOIN billed AS b ON b.account_id = a.account_id
WHERE a.demand_basis IN ('none', 'capacity')
