/*
title: Bill paid twice
zh: 重复收费
kind: exception
modes: [nightly]
subject: bill
severity: medium
flags: >-
  a bill with payments, where payments of it and its corrections are above their summed total_amount by more than 0.01.
at_stake: minus the excess
messages:
  en: "{paid_amount} was paid on {total_amount}, in {payments} payments."
  zh: "账单应收 {total_amount} 元，实收 {paid_amount} 元，共 {payments} 笔。"
*/
WITH corrected AS (
  SELECT c.bill_id, SUM(p.total_amount) AS total_amount, SUM(p.paid_amount) AS paid_amount, SUM(p.payments) AS payments, COUNT(*) AS corrections
  FROM facts.bill_correction AS c
  JOIN facts.bill_paid AS p ON p.bill_id = c.correction_bill_id
  GROUP BY c.bill_id
),
summed AS (
  SELECT p.bill_id,
         p.account_id,
         p.period,
         MONEY(p.total_amount + COALESCE(c.total_amount, 0)) AS total_amount,
         MONEY(p.paid_amount + COALESCE(c.paid_amount, 0)) AS paid_amount,
         CAST(p.payments + COALESCE(c.payments, 0) AS BIGINT) AS payments,
         COALESCE(c.corrections, 0) AS corrections,
         p.last_paid_on
  FROM facts.bill_paid AS p
  LEFT JOIN corrected AS c ON c.bill_id = p.bill_id
  WHERE p.payments > 0
)
SELECT s.bill_id AS subject_id,
       s.account_id,
       s.paid_amount - s.total_amount > 0.01 AS flagged,
       MONEY(s.total_amount - s.paid_amount) AS at_stake_amount,
       s.paid_amount,
       s.total_amount,
       s.payments,
       s.corrections,
       s.last_paid_on,
       s.period AS bill_period
FROM summed AS s
