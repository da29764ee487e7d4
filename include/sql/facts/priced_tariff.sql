/*
grain: one row per live account, month of the last 12 billed ones up to P, tariff it may be on and demand basis
key: [account_id, period, tariff_code, demand_basis]
purpose: What an account would have paid on other tariffs, for tariff fit. A month with several bills that correct none is there once for each.
view: true
columns:
  bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: The supply account.}
  period: {type: date, doc: First day of the month.}
  tariff_code: {type: string, doc: The tariff.}
  demand_basis: {type: string, doc: 'none, capacity, contract_demand or actual_demand.'}
  energy_amount: {type: decimal, doc: Energy lines.}
  loss_amount: {type: decimal, doc: Loss lines.}
  capacity_amount: {type: decimal, doc: Capacity charge.}
  demand_amount: {type: decimal, doc: Demand charge.}
  power_factor_amount: {type: decimal, doc: Power-factor adjustment.}
  surcharge_amount: {type: decimal, doc: Surcharge.}
  total_amount: {type: decimal, doc: Sum of the lines.}
  is_estimated: {type: boolean, doc: 'Energy by time of use or demand is told by intervals, as no register does.'}
  not_checked: {type: string, doc: 'Why it cannot be said; the amounts are empty then.'}
*/
SELECT
  priced.bill_id,
  priced.account_id,
  priced.period,
  priced.tariff_code,
  priced.demand_basis,
  priced.energy_amount,
  priced.loss_amount,
  priced.capacity_amount,
  priced.demand_amount,
  priced.power_factor_amount,
  priced.surcharge_amount,
  priced.total_amount,
  priced.is_estimated,
  priced.not_checked
FROM facts.priced
WHERE priced.purpose = 'candidate'
