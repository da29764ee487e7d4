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
SELECT s.change_id AS subject_id,
       s.account_id,
       s.capacity_kva < a.contracted_kva AS flagged,
       a.demand_basis,
       s.capacity_kva AS suspended_kva,
       a.contracted_kva,
       s.start_on,
       s.last_on
FROM core.capacity_out AS s
INNER JOIN source.account AS a ON a.account_id = s.account_id
WHERE s.kind = 'suspend'
  AND a.demand_basis IN ('contract_demand', 'actual_demand')
  AND s.start_on <= $period_end
  AND (s.last_on IS NULL OR (s.last_on >= $period AND s.last_on >= s.start_on))
