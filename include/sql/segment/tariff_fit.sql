/*
grain: one row per live account, tariff it may be on and demand basis
key: [account_id, tariff_code, demand_basis]
purpose: >-
  What an account would have paid in a year on each tariff and demand basis, against what it pays on its own. Only
  months that could be priced on both are compared, brought to 12 months.
columns:
  account_id: {type: string, doc: The supply account.}
  tariff_code: {type: string, doc: The tariff.}
  demand_basis: {type: string, doc: 'none, capacity, contract_demand or actual_demand.'}
  is_own: {type: boolean, doc: What the account is on.}
  months: {type: integer, doc: Months compared.}
  own_amount: {type: decimal, doc: 'Those months on its own tariff, times 12 over months.'}
  yearly_amount: {type: decimal, doc: 'Those months on this one, times 12 over months.'}
  saving_amount: {type: decimal, doc: 'own_amount less yearly_amount: what the account would save and the utility would lose in a year.'}
  place: {type: integer, doc: '1 the cheapest of the account; its own first where as cheap.'}
params:
  min_months: {type: integer, default: 6, minimum: 1, maximum: 12, doc: Fewest months compared.}
*/
WITH month AS (
  SELECT
    priced_tariff.account_id,
    priced_tariff.period,
    priced_tariff.tariff_code,
    priced_tariff.demand_basis,
    SUM(priced_tariff.total_amount) AS amount
  FROM facts.priced_tariff
  GROUP BY
    priced_tariff.account_id, priced_tariff.period, priced_tariff.tariff_code, priced_tariff.demand_basis
  HAVING COUNT(priced_tariff.not_checked) = 0
),

labelled AS (
  SELECT
    month.account_id,
    month.period,
    month.tariff_code,
    month.demand_basis,
    COALESCE(tariff_candidate.is_own, FALSE) AS is_own,
    month.amount
  FROM month
  LEFT JOIN facts.tariff_candidate
    ON tariff_candidate.account_id = month.account_id
    AND tariff_candidate.tariff_code = month.tariff_code
    AND tariff_candidate.demand_basis = month.demand_basis
),

beside_own AS (
  SELECT
    labelled.account_id,
    labelled.tariff_code,
    labelled.demand_basis,
    labelled.is_own,
    labelled.amount,
    own.amount AS own_amount
  FROM labelled
  JOIN labelled AS own
    ON own.account_id = labelled.account_id AND own.period = labelled.period AND own.is_own
),

compared AS (
  SELECT
    beside_own.account_id,
    beside_own.tariff_code,
    beside_own.demand_basis,
    BOOL_OR(beside_own.is_own) AS is_own,
    COUNT(*) AS months,
    SUM(beside_own.own_amount) AS own_amount,
    SUM(beside_own.amount) AS amount
  FROM beside_own
  GROUP BY beside_own.account_id, beside_own.tariff_code, beside_own.demand_basis
  HAVING COUNT(*) >= $min_months
),

yearly AS (
  SELECT
    compared.account_id,
    compared.tariff_code,
    compared.demand_basis,
    compared.is_own,
    compared.months,
    MONEY(RATIO(CAST(compared.own_amount AS DOUBLE) * 12, compared.months)) AS own_amount,
    MONEY(RATIO(CAST(compared.amount AS DOUBLE) * 12, compared.months)) AS yearly_amount
  FROM compared
)

SELECT
  yearly.account_id,
  yearly.tariff_code,
  yearly.demand_basis,
  yearly.is_own,
  yearly.months,
  yearly.own_amount,
  yearly.yearly_amount,
  MONEY(yearly.own_amount - yearly.yearly_amount) AS saving_amount,
  ROW_NUMBER() OVER (
    PARTITION BY yearly.account_id
    ORDER BY
      yearly.yearly_amount, CASE WHEN yearly.is_own THEN 0 ELSE 1 END, yearly.tariff_code, yearly.demand_basis
  ) AS place
FROM yearly
