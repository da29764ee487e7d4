/*
title: 'Capacity outside the voltage level''s band'
zh: 容量与电压等级不匹配
kind: exception
modes: [online, nightly]
subject: order
severity: high
flags: >-
  the account's contracted_kva is not within the band of its supply_kv, limits included; a voltage without
  a band does not flag.
params:
  bands_kva:
    type: map_of_tuples
    columns: {supply_kv: double, min_kva: double, max_kva: double}
    default: {0.22: [0, 16], 0.38: [0, 160], 10: [30, 15000], 35: [5000, 40000], 110: [20000, 100000], 220: [100000, null]}
    doc: 'Smallest and largest capacity by supply voltage in kV, both included; an empty limit is none. 0.4 kV is 0.38 kV.'
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
  open_application.order_id AS subject_id,
  account.account_id,
  COALESCE(account.contracted_kva < band.min_kva, FALSE)
  OR COALESCE(account.contracted_kva > band.max_kva, FALSE) AS flagged,
  account.supply_kv,
  account.contracted_kva,
  band.min_kva,
  band.max_kva
FROM core.open_application
INNER JOIN source.account ON account.account_id = open_application.account_id
LEFT JOIN band
  ON band.nominal_kv = NOMINAL_KV(account.supply_kv)
