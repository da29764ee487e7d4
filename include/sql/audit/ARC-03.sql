/*
title: 'Capacity outside the voltage level''s band'
zh: 档案容量与电压等级不匹配
kind: exception
modes: [nightly]
subject: account
severity: medium
flags: >-
  as ACC-02, for live accounts.
params:
  bands_kva: {same_as: ACC-02.bands_kva}
messages:
  en: "{contracted_kva} kVA is outside the band of {supply_kv} kV ({min_kva} to {max_kva} kVA)."
  zh: "报装容量 {contracted_kva} kVA 不在 {supply_kv} kV 的允许范围（{min_kva} 至 {max_kva} kVA）内。"
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
