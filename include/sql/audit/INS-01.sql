/*
title: Contract demand outside the rule
zh: 合同需量不符合规定
flags_zh: 按合同最大需量计费的账户，核定值为空、低于 min_share × 运行容量，或高于合同容量。
what_to_do:
  en: >-
    Agree on a contract demand within the limits and change it in the contract; bills of a lower one are
    corrected.
  zh: 与客户重新核定合同最大需量并变更合同；低于下限的，按下限退补基本电费。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: state
proof: same
moves: [demand_price]
flags: >-
  demand_basis contract_demand and contract_demand_kw empty, below min_share x running_kva or above
  contracted_kva.
at_stake: '(min_share x running_kva less contract_demand_kw) x demand price, where below'
params:
  min_share: {type: number, default: 0.4, minimum: 0, maximum: 1, doc: Lowest contract demand as a share of the running capacity.}
messages:
  en:
    - "The contracted demand is {contract_demand_kw} kW; allowed are {lowest_kw} to {highest_kw} kW."
    - "No contracted demand is filed; it must lie between {lowest_kw} and {highest_kw} kW."
  zh:
    - "合同最大需量核定值为 {contract_demand_kw} kW，允许 {lowest_kw} 至 {highest_kw} kW。"
    - "未登记合同最大需量核定值，应为 {lowest_kw} 至 {highest_kw} kW。"
*/
SELECT
  account.account_id AS subject_id,
  account.account_id,
  account.contract_demand_kw IS NULL
  OR account.contract_demand_kw < ROUND($min_share * account.running_kva, 6)
  OR account.contract_demand_kw > account.contracted_kva AS flagged,
  CASE
    WHEN account.contract_demand_kw < ROUND($min_share * account.running_kva, 6)
      THEN MONEY(($min_share * account.running_kva - account.contract_demand_kw) * price_in_force.unit_price)
  END AS at_stake_amount,
  account.contract_demand_kw,
  ROUND($min_share * account.running_kva, 6) AS lowest_kw,
  account.contracted_kva AS highest_kw,
  account.running_kva,
  price_in_force.unit_price AS demand_price
FROM source.account
LEFT JOIN core.price_in_force
  ON price_in_force.tariff_code = account.tariff_code AND price_in_force.component = 'demand'
WHERE account.demand_basis = 'contract_demand'
