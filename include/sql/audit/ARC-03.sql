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
  SELECT NOMINAL_KV(b.supply_kv) AS nominal_kv,
         MIN(b.min_kva) AS min_kva,
         MAX(b.max_kva) AS max_kva
  FROM param.bands_kva AS b
  GROUP BY NOMINAL_KV(b.supply_kv)
)
SELECT a.account_id AS subject_id,
       a.account_id,
       COALESCE(a.contracted_kva < b.min_kva, FALSE) OR COALESCE(a.contracted_kva > b.max_kva, FALSE) AS flagged,
       a.supply_kv,
       a.contracted_kva,
       b.min_kva,
       b.max_kva
FROM core.live_account AS a
LEFT JOIN band AS b
  ON b.nominal_kv = NOMINAL_KV(a.supply_kv)
