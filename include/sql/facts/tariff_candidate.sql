/*
grain: one row a live account, tariff it may be on and demand basis
key: [account_id, tariff_code, demand_basis]
purpose: >-
  Which tariffs an account is compared on: its own, and each of its usage category whose voltages take its supply_kv and
  that has a rate valid at the end of P; on a two-part one by capacity and by demand (as contracted where the account
  has a contract demand).
view: true
columns:
  account_id: {type: string, doc: The supply account.}
  tariff_code: {type: string, doc: The tariff.}
  demand_basis: {type: string, doc: 'none, capacity, contract_demand or actual_demand.'}
  is_own: {type: boolean, doc: What the account is on now.}
*/
WITH valid AS (
  SELECT DISTINCT r.tariff_code
  FROM source.tariff_rate AS r
  WHERE r.valid_from <= $period_end AND (r.valid_to IS NULL OR r.valid_to >= $period_end)
),
tariff AS (
  SELECT t.tariff_code, t.usage_category, t.min_kv, t.max_kv, t.is_two_part
  FROM source.tariff AS t
  JOIN valid AS v ON v.tariff_code = t.tariff_code
),
basis AS (
  SELECT 'none' AS basis
  UNION ALL SELECT 'capacity'
  UNION ALL SELECT 'actual_demand'
  UNION ALL SELECT 'contract_demand'
),
eligible AS (
  SELECT a.account_id, t.tariff_code, b.basis, a.tariff_code AS own_tariff_code, a.demand_basis AS own_basis, t.is_two_part
  FROM core.live_account AS a
  JOIN tariff AS t ON t.usage_category = a.usage_category AND a.supply_kv >= t.min_kv AND a.supply_kv <= t.max_kv
  JOIN basis AS b
    ON CASE WHEN t.is_two_part
            THEN b.basis = 'capacity' OR b.basis = CASE WHEN a.contract_demand_kw IS NULL THEN 'actual_demand' ELSE 'contract_demand' END
                 OR (b.basis = a.demand_basis AND t.tariff_code = a.tariff_code)
            ELSE b.basis = 'none' END
  UNION ALL
  SELECT a.account_id, a.tariff_code, CASE WHEN t.is_two_part THEN a.demand_basis ELSE 'none' END, a.tariff_code, a.demand_basis, t.is_two_part
  FROM core.live_account AS a
  JOIN source.tariff AS t ON t.tariff_code = a.tariff_code
  LEFT JOIN tariff AS e
    ON e.tariff_code = a.tariff_code AND e.usage_category = a.usage_category AND a.supply_kv >= e.min_kv AND a.supply_kv <= e.max_kv
  WHERE e.tariff_code IS NULL
)
SELECT e.account_id,
       e.tariff_code,
       e.basis AS demand_basis,
       COALESCE(e.tariff_code = e.own_tariff_code AND (NOT e.is_two_part OR e.basis = e.own_basis), FALSE) AS is_own
FROM eligible AS e
