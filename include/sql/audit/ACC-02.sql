/*
title: 'Capacity outside the voltage level''s band'
zh: 容量与电压等级不匹配
flags_zh: 办理后容量不在客户供电电压对应的容量范围（含上下限）内；未规定范围的电压等级不判定。
what_to_do:
  en: >-
    Check the capacity applied for and the supply voltage with the applicant. Correct whichever was entered
    wrongly; else change the supply plan to the voltage that fits the capacity.
  zh: 与客户核对申请容量和供电电压：录入有误的更正；无误的，按容量重新选择供电电压等级并修改供电方案。
kind: exception
modes: [online, nightly]
subject: order
severity: high
judges: state
proof: same
flags: >-
  the capacity after the order is not within the band of the account's supply_kv, limits included; a voltage
  without a band does not flag.
params:
  bands_kva:
    type: map_of_tuples
    columns: {supply_kv: double, min_kva: double, max_kva: double}
    default: {0.22: [0, 16], 0.38: [0, 160], 10: [30, 15000], 35: [5000, 40000], 110: [20000, 100000], 220: [100000, null]}
    doc: 'Smallest and largest capacity by supply voltage in kV, both included; an empty limit is none. 0.4 kV is 0.38 kV.'
messages:
  en:
    - "{capacity_after_kva} kVA after the order[ (contracted {contracted_kva} kVA)] is outside the band of {supply_kv} kV ({min_kva} to {max_kva} kVA)."
    - "{capacity_after_kva} kVA after the order[ (contracted {contracted_kva} kVA)] is outside the band of {supply_kv} kV (from {min_kva} kVA)."
    - "{capacity_after_kva} kVA after the order[ (contracted {contracted_kva} kVA)] is outside the band of {supply_kv} kV (up to {max_kva} kVA)."
  zh:
    - "报装后容量 {capacity_after_kva} kVA[（合同容量 {contracted_kva} kVA）]不在 {supply_kv} kV 的允许范围（{min_kva} 至 {max_kva} kVA）内。"
    - "报装后容量 {capacity_after_kva} kVA[（合同容量 {contracted_kva} kVA）]不在 {supply_kv} kV 的允许范围（{min_kva} kVA 及以上）内。"
    - "报装后容量 {capacity_after_kva} kVA[（合同容量 {contracted_kva} kVA）]不在 {supply_kv} kV 的允许范围（{max_kva} kVA 及以下）内。"
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
  capacity_after_order.order_id AS subject_id,
  capacity_after_order.account_id,
  COALESCE(capacity_after_order.capacity_after_kva < band.min_kva, FALSE)
  OR COALESCE(capacity_after_order.capacity_after_kva > band.max_kva, FALSE) AS flagged,
  account.supply_kv,
  capacity_after_order.contracted_kva,
  capacity_after_order.capacity_after_kva,
  band.min_kva,
  band.max_kva
FROM core.capacity_after_order
INNER JOIN source.account ON account.account_id = capacity_after_order.account_id
LEFT JOIN band
  ON band.nominal_kv = NOMINAL_KV(account.supply_kv)
