/*
title: Fixed-share or fixed-quantity allocation implausible
zh: 定比定量不合理
kind: exception
modes: [nightly]
subject: account
severity: medium
flags: >-
  allocation fixed_ratio with a value empty, <= 0 or >= 1; or fixed_quantity with a value empty, <= 0 or
  above contracted_kva x 720.
messages:
  en: "Allocation {allocation} with value {allocation_value} is implausible (up to {highest_value})."
  zh: "{allocation} 分摊值 {allocation_value} 不合理（上限 {highest_value}）。"
*/
SELECT a.account_id AS subject_id,
       a.account_id,
       CASE a.allocation
         WHEN 'fixed_ratio' THEN a.allocation_value IS NULL OR a.allocation_value <= 0 OR a.allocation_value >= 1
         WHEN 'fixed_quantity' THEN a.allocation_value IS NULL OR a.allocation_value <= 0
                                    OR a.allocation_value > ROUND(a.contracted_kva * 720, 6)
       END AS flagged,
       a.allocation,
       a.allocation_value,
       CASE a.allocation WHEN 'fixed_ratio' THEN 1 ELSE ROUND(a.contracted_kva * 720, 6) END AS highest_value,
       a.contracted_kva
FROM source.account AS a
WHERE a.allocation <> 'none'
