/*
title: 'Capacity outside the voltage level''s band'
zh: 档案容量与电压等级不匹配
flags_zh: 合同容量不在供电电压对应的容量范围（含上下限）内；未规定范围的电压等级不判定。
what_to_do:
  en: >-
    Compare the file with the contract and the site; correct the capacity or the voltage. Where both are
    right, file why and agree on a supply that fits.
  zh: 与供用电合同和现场核对，更正容量或供电电压；档案无误的，备案说明并与客户商定改造方案。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: state
proof: same
flags: >-
  as ACC-02, for live accounts.
params:
  bands_kva: {same_as: ACC-02.bands_kva}
messages:
  en:
    - "The contracted capacity of {contracted_kva} kVA is outside the {min_kva} to {max_kva} kVA that fit a supply at {supply_kv} kV."
    - "The contracted capacity of {contracted_kva} kVA is below the {min_kva} kVA that a supply at {supply_kv} kV needs."
    - "The contracted capacity of {contracted_kva} kVA is above the {max_kva} kVA that fit a supply at {supply_kv} kV."
  zh:
    - "合同容量 {contracted_kva} kVA，不在 {supply_kv} kV 供电的容量范围（{min_kva} 至 {max_kva} kVA）内。"
    - "合同容量 {contracted_kva} kVA，低于 {supply_kv} kV 供电的最小容量 {min_kva} kVA。"
    - "合同容量 {contracted_kva} kVA，超过 {supply_kv} kV 供电的最大容量 {max_kva} kVA。"
*/
WITH band AS (
  SELECT
    NOMINAL_KV(bands_kva.supply_kv) AS nominal_kv,
    MIN(bands_kva.min_kva) AS min_kva,
    MAX(bands_kva.max_kva) AS max_kva
  FROM param.bands_kva
  GROUP BY NOMINAL_KV(bands_kva.supply_kv)
)

SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  COALESCE(live_account.contracted_kva < band.min_kva, FALSE)
  OR COALESCE(live_account.contracted_kva > band.max_kva, FALSE) AS flagged,
  live_account.supply_kv,
  live_account.contracted_kva,
  band.min_kva,
  band.max_kva
FROM core.live_account
LEFT JOIN band
  ON band.nominal_kv = NOMINAL_KV(live_account.supply_kv)
