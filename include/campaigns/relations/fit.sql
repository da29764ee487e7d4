/*
grain: one row an account
key: [account_id]
purpose: The tariff and demand basis that would save most, from mart.tariff_fit.
columns:
  account_id: {type: string, doc: The supply account.}
  tariff_code: {type: string, doc: The tariff.}
  demand_basis: {type: string, doc: Basis of the capacity or demand charge.}
  yearly_amount: {type: decimal, doc: What a year would cost on it.}
  saving_amount: {type: decimal, doc: Against what it costs now.}
*/
SELECT f.account_id, f.tariff_code, f.demand_basis, CAST(f.yearly_amount AS DECIMAL(18,2)) AS yearly_amount,
       CAST(f.saving_amount AS DECIMAL(18,2)) AS saving_amount
FROM mart.tariff_fit AS f
QUALIFY ROW_NUMBER() OVER (PARTITION BY f.account_id ORDER BY f.saving_amount DESC NULLS LAST, f.tariff_code, f.demand_basis) = 1
