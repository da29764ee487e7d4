/*
grain: one row a live account, tariff it may be on and demand basis
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
  SELECT p.account_id, p.period, p.tariff_code, p.demand_basis, SUM(p.total_amount) AS amount
  FROM facts.priced_tariff AS p
  GROUP BY p.account_id, p.period, p.tariff_code, p.demand_basis
  HAVING COUNT(p.not_checked) = 0
),
labelled AS (
  SELECT m.account_id, m.period, m.tariff_code, m.demand_basis, COALESCE(c.is_own, FALSE) AS is_own, m.amount
  FROM month AS m
  LEFT JOIN facts.tariff_candidate AS c
    ON c.account_id = m.account_id AND c.tariff_code = m.tariff_code AND c.demand_basis = m.demand_basis
),
beside_own AS (
  SELECT l.account_id, l.tariff_code, l.demand_basis, l.is_own, l.amount, o.amount AS own_amount
  FROM labelled AS l
  JOIN labelled AS o ON o.account_id = l.account_id AND o.period = l.period AND o.is_own
),
compared AS (
  SELECT b.account_id, b.tariff_code, b.demand_basis, BOOL_OR(b.is_own) AS is_own, COUNT(*) AS months,
         SUM(b.own_amount) AS own_amount, SUM(b.amount) AS amount
  FROM beside_own AS b
  GROUP BY b.account_id, b.tariff_code, b.demand_basis
  HAVING COUNT(*) >= $min_months
),
yearly AS (
  SELECT c.account_id, c.tariff_code, c.demand_basis, c.is_own, c.months,
         MONEY(RATIO(CAST(c.own_amount AS DOUBLE) * 12, c.months)) AS own_amount,
         MONEY(RATIO(CAST(c.amount AS DOUBLE) * 12, c.months)) AS yearly_amount
  FROM compared AS c
)
SELECT y.account_id,
       y.tariff_code,
       y.demand_basis,
       y.is_own,
       y.months,
       y.own_amount,
       y.yearly_amount,
       MONEY(y.own_amount - y.yearly_amount) AS saving_amount,
       ROW_NUMBER() OVER (PARTITION BY y.account_id
                          ORDER BY y.yearly_amount, CASE WHEN y.is_own THEN 0 ELSE 1 END, y.tariff_code, y.demand_basis) AS place
FROM yearly AS y
