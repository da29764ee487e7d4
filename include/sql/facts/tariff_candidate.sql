/*
grain: one row per live account, tariff it may be on and demand basis
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
  SELECT DISTINCT tariff_rate.tariff_code
  FROM source.tariff_rate
  WHERE
    tariff_rate.valid_from <= $period_end
    AND (tariff_rate.valid_to IS NULL OR tariff_rate.valid_to >= $period_end)
),

tariff AS (
  SELECT
    tariff.tariff_code,
    tariff.usage_category,
    tariff.min_kv,
    tariff.max_kv,
    tariff.is_two_part
  FROM source.tariff
  JOIN valid ON valid.tariff_code = tariff.tariff_code
),

basis AS (
  SELECT 'none' AS basis
  UNION ALL
  SELECT 'capacity'
  UNION ALL
  SELECT 'actual_demand'
  UNION ALL
  SELECT 'contract_demand'
),

eligible AS (
  SELECT
    live_account.account_id,
    tariff.tariff_code,
    basis.basis,
    live_account.tariff_code AS own_tariff_code,
    live_account.demand_basis AS own_basis,
    tariff.is_two_part
  FROM core.live_account
  JOIN tariff
    ON tariff.usage_category = live_account.usage_category
    AND live_account.supply_kv >= tariff.min_kv
    AND live_account.supply_kv <= tariff.max_kv
  JOIN basis
    ON CASE
      WHEN tariff.is_two_part
        THEN
          basis.basis = 'capacity'
          OR basis.basis
          = CASE WHEN live_account.contract_demand_kw IS NULL THEN 'actual_demand' ELSE 'contract_demand' END
          OR (basis.basis = live_account.demand_basis AND tariff.tariff_code = live_account.tariff_code)
      ELSE basis.basis = 'none'
    END
  UNION ALL
  SELECT
    live_account.account_id,
    live_account.tariff_code,
    CASE WHEN tariff.is_two_part THEN live_account.demand_basis ELSE 'none' END,
    live_account.tariff_code,
    live_account.demand_basis,
    tariff.is_two_part
  FROM core.live_account
  JOIN source.tariff ON tariff.tariff_code = live_account.tariff_code
  LEFT JOIN tariff AS fitting_tariff
    ON fitting_tariff.tariff_code = live_account.tariff_code
    AND fitting_tariff.usage_category = live_account.usage_category
    AND live_account.supply_kv >= fitting_tariff.min_kv
    AND live_account.supply_kv <= fitting_tariff.max_kv
  WHERE fitting_tariff.tariff_code IS NULL
)

SELECT
  eligible.account_id,
  eligible.tariff_code,
  eligible.basis AS demand_basis,
  COALESCE(
    eligible.tariff_code = eligible.own_tariff_code
    AND (NOT eligible.is_two_part OR eligible.basis = eligible.own_basis),
    FALSE
  ) AS is_own
FROM eligible
