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
SELECT
  account.account_id AS subject_id,
  account.account_id,
  CASE account.allocation
    WHEN
      'fixed_ratio'
      THEN account.allocation_value IS NULL OR account.allocation_value <= 0 OR account.allocation_value >= 1
    WHEN 'fixed_quantity' THEN
      account.allocation_value IS NULL OR account.allocation_value <= 0
      OR account.allocation_value > ROUND(account.contracted_kva * 720, 6)
  END AS flagged,
  account.allocation,
  account.allocation_value,
  CASE account.allocation WHEN 'fixed_ratio' THEN 1 ELSE ROUND(account.contracted_kva * 720, 6) END
    AS highest_value,
  account.contracted_kva
FROM source.account
WHERE account.allocation <> 'none'
