/*
title: Demand customer suspended only in part
zh: 需量客户未停用全部容量
kind: exception
modes: [nightly]
subject: capacity_change
severity: high
flags: >-
  demand_basis contract_demand or actual_demand and a suspension in force in P of less than
  contracted_kva.
messages:
  en: "{suspended_kva} of {contracted_kva} kVA are suspended; by {demand_basis} all must be."
  zh: "{demand_basis} 客户仅暂停 {suspended_kva} kVA，合同容量 {contracted_kva} kVA。"
*/
SELECT
  capacity_out.change_id AS subject_id,
  capacity_out.account_id,
  capacity_out.capacity_kva < account.contracted_kva AS flagged,
  account.demand_basis,
  capacity_out.capacity_kva AS suspended_kva,
  account.contracted_kva,
  capacity_out.start_on,
  capacity_out.last_on
FROM core.capacity_out
INNER JOIN source.account ON account.account_id = capacity_out.account_id
WHERE
  capacity_out.kind = 'suspend'
  AND account.demand_basis IN ('contract_demand', 'actual_demand')
  AND capacity_out.start_on <= $period_end
  AND (
    capacity_out.last_on IS NULL
    OR (capacity_out.last_on >= $period AND capacity_out.last_on >= capacity_out.start_on)
  )
