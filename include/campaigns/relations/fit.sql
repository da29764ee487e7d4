/*
grain: one row per account
key: [account_id]
purpose: The tariff and demand basis that would save most, from mart.tariff_fit.
columns:
  account_id: {type: string, doc: The supply account.}
  tariff_code: {type: string, doc: The tariff.}
  demand_basis: {type: string, doc: Basis of the capacity or demand charge.}
  yearly_amount: {type: decimal, doc: What a year would cost on it.}
  saving_amount: {type: decimal, doc: Against what it costs now.}
*/
SELECT
  tariff_fit.account_id,
  tariff_fit.tariff_code,
  tariff_fit.demand_basis,
  MONEY(tariff_fit.yearly_amount) AS yearly_amount,
  MONEY(tariff_fit.saving_amount) AS saving_amount
FROM mart.tariff_fit
WHERE tariff_fit.yearly_amount IS NOT NULL
QUALIFY
  ROW_NUMBER() OVER (
    PARTITION BY tariff_fit.account_id
    ORDER BY tariff_fit.saving_amount DESC NULLS LAST, tariff_fit.tariff_code, tariff_fit.demand_basis
  ) = 1
