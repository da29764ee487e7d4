/*
title: Demand customer suspended only in part
zh: 需量客户未停用全部容量
flags_zh: 按需量计收基本电费的客户，审核月内暂停容量小于合同容量（规定废止后仅作清单）。
what_to_do:
  en: >-
    Check which rule held on the day of the suspension; where all of the capacity had to be suspended,
    charge the demand of the month.
  zh: 核对暂停当日适用的规定；当时要求停用全部容量的，按规定计收当月需量电费。
kind: exception
modes: [nightly]
subject: capacity_change
severity: high
judges: state
proof: same
window: {on: last_on, within: 1, unit: periods}
basis: "供电营业规则 (1996), repealed by 发改办价格〔2016〕1583号"
changed: [{from: 2016-07-01, what: "Repealed: part of the capacity may be suspended."}]
valid_to: 2016-06-30
after: listing
flags: >-
  demand_basis contract_demand or actual_demand and a suspension in force in P of less than
  contracted_kva.
messages:
  en: "Only {suspended_kva} of {contracted_kva} kVA are suspended, though the account is billed by demand ({demand_basis})."
  zh: "该户基本电费{demand_basis}，合同容量 {contracted_kva} kVA，仅暂停 {suspended_kva} kVA。"
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
