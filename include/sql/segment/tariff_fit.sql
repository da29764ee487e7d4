/*
grain: one row per live account, tariff it may be on (its own in any case) and demand basis
key: [account_id, tariff_code, demand_basis]
purpose: >-
  What an account would have paid in a year on each tariff and demand basis, against what it pays on its own. Only
  months that could be priced on both are compared, brought to 12 months. What cannot be compared stands there with the
  reason and without amounts.
columns:
  account_id: {type: string, doc: The supply account.}
  tariff_code: {type: string, doc: The tariff.}
  demand_basis: {type: string, doc: 'none, capacity, contract_demand or actual_demand.'}
  is_own: {type: boolean, doc: What the account is on.}
  months: {type: integer, doc: Months compared.}
  own_amount: {type: decimal, doc: 'Those months on its own tariff, times 12 over months.'}
  yearly_amount: {type: decimal, doc: 'Those months on this one, times 12 over months.'}
  saving_amount: {type: decimal, doc: 'own_amount less yearly_amount: what the account would save and the utility would lose in a year.'}
  place: {type: integer, doc: '1 the cheapest of the account; its own first where as cheap. Empty where it is left out.'}
  is_estimated: {type: boolean, doc: 'In some month it was priced on energy by time of use or demand that intervals say, as no register does.'}
  left_out: {type: string, doc: 'Why it is not compared: too_few_months, or what stands in the way in the months that are missing (facts.priced); own:… where it is the own tariff that cannot be priced.'}
incremental: {by: whole, reads: {facts.priced_tariff: {through: true}}}
params:
  min_months: {type: integer, default: 6, minimum: 1, maximum: 12, doc: Fewest months compared.}
*/
WITH month AS (
  SELECT
    priced_tariff.account_id,
    priced_tariff.period,
    priced_tariff.tariff_code,
    priced_tariff.demand_basis,
    SUM(priced_tariff.total_amount) AS amount,
    BOOL_OR(COALESCE(priced_tariff.is_estimated, FALSE)) AS is_estimated,
    MIN(priced_tariff.not_checked) AS not_checked
  FROM facts.priced_tariff
  GROUP BY
    priced_tariff.account_id, priced_tariff.period, priced_tariff.tariff_code, priced_tariff.demand_basis
),

candidate AS (
  SELECT
    tariff_candidate.account_id,
    tariff_candidate.tariff_code,
    tariff_candidate.demand_basis,
    COALESCE(tariff_candidate.is_own, FALSE) AS is_own,
    COALESCE(tariff_candidate.is_time_of_use, FALSE) AS is_time_of_use
  FROM facts.tariff_candidate
),

own AS (
  SELECT
    month.account_id,
    month.period,
    month.amount,
    month.not_checked
  FROM month
  JOIN candidate
    ON candidate.account_id = month.account_id
    AND candidate.tariff_code = month.tariff_code
    AND candidate.demand_basis = month.demand_basis
    AND candidate.is_own
),

compared AS (
  SELECT
    candidate.account_id,
    candidate.tariff_code,
    candidate.demand_basis,
    candidate.is_own,
    candidate.is_time_of_use,
    COUNT(month.period) AS priced_months,
    COUNT(month.amount + own.amount) FILTER (WHERE month.not_checked IS NULL AND own.not_checked IS NULL)
      AS months,
    SUM(own.amount) FILTER (WHERE month.not_checked IS NULL AND own.not_checked IS NULL) AS own_amount,
    SUM(month.amount) FILTER (WHERE month.not_checked IS NULL AND own.not_checked IS NULL) AS amount,
    COALESCE(
      BOOL_OR(month.is_estimated) FILTER (WHERE month.not_checked IS NULL AND own.not_checked IS NULL), FALSE
    ) AS is_estimated,
    MIN(month.not_checked) AS not_checked,
    MIN(own.not_checked) AS own_not_checked
  FROM candidate
  LEFT JOIN month
    ON month.account_id = candidate.account_id
    AND month.tariff_code = candidate.tariff_code
    AND month.demand_basis = candidate.demand_basis
  LEFT JOIN own ON own.account_id = month.account_id AND own.period = month.period
  GROUP BY
    candidate.account_id,
    candidate.tariff_code,
    candidate.demand_basis,
    candidate.is_own,
    candidate.is_time_of_use
),

yearly AS (
  SELECT
    compared.account_id,
    compared.tariff_code,
    compared.demand_basis,
    compared.is_own,
    compared.months,
    CASE
      WHEN compared.months >= $min_months
        THEN MONEY(RATIO(CAST(compared.own_amount AS DOUBLE) * 12, compared.months))
    END AS own_amount,
    CASE
      WHEN compared.months >= $min_months
        THEN MONEY(RATIO(CAST(compared.amount AS DOUBLE) * 12, compared.months))
    END AS yearly_amount,
    compared.is_estimated,
    CASE
      WHEN compared.months >= $min_months THEN NULL
      WHEN compared.own_not_checked IS NOT NULL AND NOT compared.is_own
        THEN CONCAT('own:', compared.own_not_checked)
      WHEN compared.not_checked IS NOT NULL THEN compared.not_checked
      -- Months that were neither read by time of use nor have intervals are not asked for.
      WHEN compared.priced_months = 0 AND compared.is_time_of_use THEN 'no_time_of_use_reading'
      ELSE 'too_few_months'
    END AS left_out
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
  CASE
    WHEN yearly.left_out IS NULL
      THEN
        ROW_NUMBER() OVER (
          PARTITION BY yearly.account_id, yearly.left_out IS NULL
          ORDER BY
            yearly.yearly_amount,
            CASE WHEN yearly.is_own THEN 0 ELSE 1 END,
            yearly.tariff_code,
            yearly.demand_basis
        )
  END AS place,
  yearly.is_estimated,
  yearly.left_out
FROM yearly
