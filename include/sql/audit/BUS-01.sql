/*
title: Fixed-share or fixed-quantity allocation implausible
zh: 定比定量不合理
flags_zh: 定比分摊的比例为空、不大于 0 或不小于 1；或定量分摊的电量为空、不大于 0 或超过合同容量 × 720 小时。
what_to_do:
  en: >-
    Measure or survey the loads and fix the share or quantity anew in the contract; where possible install a
    meter instead.
  zh: 现场核查用电构成，重新核定定比或定量并修订合同；具备条件的装表分别计量。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: state
proof: same
flags: >-
  allocation fixed_ratio with a value empty, <= 0 or >= 1; or fixed_quantity with a value empty, <= 0 or
  above contracted_kva x 720.
messages:
  en:
    - "The allocation by {allocation} is set to {allocation_value}; it must lie above 0 and not above {highest_value}."
    - "The allocation by {allocation} has no value."
  zh:
    - "{allocation}分摊值为 {allocation_value}，应大于 0 且不超过 {highest_value}。"
    - "{allocation}分摊未设分摊值。"
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
