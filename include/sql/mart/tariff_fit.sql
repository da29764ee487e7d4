/*
grain: one row per live account, tariff it may be on (its own in any case) and demand basis
key: [account_id, tariff_code, demand_basis]
purpose: What an account would pay in a year on each tariff and demand basis.
columns:
  account_id: {type: string, doc: The supply account.}
  tariff_code: {type: string, doc: The tariff.}
  demand_basis: {type: string, doc: 'none, capacity, contract_demand or actual_demand.'}
  yearly_amount: {type: decimal, doc: What a year costs on it.}
  saving_amount: {type: decimal, doc: 'What a year costs less than now; the utility would lose as much.'}
  is_own: {type: boolean, doc: What the account is on now.}
  months: {type: integer, doc: Months compared.}
  place: {type: integer, doc: '1 the cheapest of the account; empty where it is left out.'}
  is_estimated: {type: boolean, doc: 'Priced on energy by time of use or demand that intervals say, as no register does.'}
  left_out: {type: string, doc: 'Why it is not compared; there are no amounts then.'}
*/
SELECT
  tariff_fit.account_id,
  tariff_fit.tariff_code,
  tariff_fit.demand_basis,
  tariff_fit.yearly_amount,
  tariff_fit.saving_amount,
  tariff_fit.is_own,
  tariff_fit.months,
  tariff_fit.place,
  tariff_fit.is_estimated,
  tariff_fit.left_out
FROM segment.tariff_fit
