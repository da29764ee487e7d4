/*
grain: one row per live account, tariff it may be on and demand basis; its own also where it may not
key: [account_id, tariff_code, demand_basis]
purpose: >-
  Which tariffs an account may be on, decided once for rules and tariff fit: its usage category, its voltage, a rate valid
  at the end of P, time of use where it must be, two-part or one-part by its capacity. On a two-part one by capacity and by demand
  (as contracted where the account has a contract demand). What its own breaks is said beside it.
columns:
  account_id: {type: string, doc: The supply account.}
  tariff_code: {type: string, doc: The tariff.}
  demand_basis: {type: string, doc: 'none, capacity, contract_demand or actual_demand.'}
  is_own: {type: boolean, doc: What the account is on now.}
  is_two_part: {type: boolean, doc: Of the tariff.}
  is_time_of_use: {type: boolean, doc: Of the tariff.}
  lacks_category: {type: boolean, doc: The tariff is for another use.}
  lacks_voltage: {type: boolean, doc: Its voltages do not take the account's supply_kv.}
  lacks_rate: {type: boolean, doc: No rate is valid at the end of P.}
  lacks_time_of_use: {type: boolean, doc: 'The account must be on time of use (TAR-12) and the tariff is not.'}
  is_one_part_above: {type: boolean, doc: 'Its capacity asks for a two-part tariff, which this is not; false for the tariff of an account that may stay on it.'}
  may_stay: {type: boolean, doc: 'Its capacity asks for a two-part tariff, and it may stay on its own one-part one, on which it was before.'}
  is_two_part_below: {type: boolean, doc: Its capacity is too small for a two-part tariff.}
  former_bill_id: {type: string, doc: 'The bill that says what it was on before capacity asked for two parts, where it may be that it stays.'}
  former_tariff_code: {type: string, doc: The tariff of that bill.}
  grown_on: {type: date, doc: 'When its capacity grew last since.'}
  is_allowed: {type: boolean, doc: 'The account may be on it; false for its own alone.'}
params:
  categories: {same_as: TAR-12.categories}
  min_kva: {same_as: TAR-12.min_kva}
  two_part_from_kva: {same_as: TAR-27.two_part_from_kva}
  two_part_below_kva: {same_as: TAR-27.two_part_below_kva}
  stay_before: {same_as: TAR-27.stay_before}
*/
-- 2023-06-01 is the day from which TAR-27 holds, whatever day a utility counts those who may stay by.
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
    COALESCE(tariff.is_two_part, FALSE) AS is_two_part,
    tariff.is_time_of_use,
    valid.tariff_code IS NULL AS lacks_rate
  FROM source.tariff
  LEFT JOIN valid ON valid.tariff_code = tariff.tariff_code
),

account AS (
  SELECT
    live_account.account_id,
    live_account.usage_category,
    live_account.supply_kv,
    live_account.tariff_code,
    live_account.demand_basis,
    live_account.contract_demand_kw,
    live_account.opened_on,
    categories.usage_category IS NOT NULL AND live_account.contracted_kva >= $min_kva AS needs_time_of_use,
    $as_of >= DATE '2023-06-01'
    AND live_account.usage_category IN ('large_industrial', 'general_industrial', 'commercial')
    AND live_account.contracted_kva >= $two_part_from_kva AS needs_two_part,
    $as_of >= DATE '2023-06-01'
    AND live_account.usage_category IN ('large_industrial', 'general_industrial', 'commercial')
    AND live_account.contracted_kva < $two_part_below_kva AS needs_one_part
  FROM core.live_account
  LEFT JOIN param.categories ON categories.usage_category = live_account.usage_category
),

-- The bill that says what an account was on: the last one of before the day, else the earliest there is.
placed AS (
  SELECT
    bill.account_id,
    bill.bill_id,
    bill.tariff_code
  FROM source.bill
  JOIN account ON account.account_id = bill.account_id
  JOIN tariff ON tariff.tariff_code = account.tariff_code AND NOT tariff.is_two_part
  WHERE bill.corrects_bill_id IS NULL AND account.needs_two_part AND account.opened_on < $stay_before
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY bill.account_id
        ORDER BY
          CASE WHEN bill.period_end < $stay_before THEN 0 ELSE 1 END,
          ABS(DATE_DIFF('day', $stay_before, bill.period_end)),
          -- Of bills that end on one day the last one issued stands, of the earliest the first.
          CASE WHEN bill.period_end < $stay_before THEN bill.issued_at END DESC NULLS LAST,
          bill.issued_at,
          bill.bill_id
      )
    = 1
),

grown AS (
  SELECT
    capacity_change.account_id,
    MAX(capacity_change.start_on) AS grown_on
  FROM source.capacity_change
  WHERE capacity_change.kind IN ('new', 'increase') AND capacity_change.start_on >= $stay_before
  GROUP BY capacity_change.account_id
),

former AS (
  SELECT
    placed.account_id,
    placed.bill_id,
    placed.tariff_code,
    grown.grown_on,
    grown.grown_on IS NULL AND NOT tariff.is_two_part AS may_stay
  FROM placed
  LEFT JOIN tariff ON tariff.tariff_code = placed.tariff_code
  LEFT JOIN grown ON grown.account_id = placed.account_id
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

paired AS (
  SELECT
    account.account_id,
    account.tariff_code AS own_tariff_code,
    COALESCE(account.demand_basis, 'none') AS own_basis,
    account.contract_demand_kw,
    tariff.tariff_code,
    tariff.is_two_part,
    tariff.is_time_of_use,
    COALESCE(tariff.tariff_code = account.tariff_code, FALSE) AS is_own_tariff,
    tariff.usage_category <> account.usage_category AS lacks_category,
    account.supply_kv < tariff.min_kv OR account.supply_kv > tariff.max_kv AS lacks_voltage,
    tariff.lacks_rate,
    account.needs_time_of_use AND NOT tariff.is_time_of_use AS lacks_time_of_use,
    account.needs_two_part AND NOT tariff.is_two_part AS is_one_part_above,
    COALESCE(
      account.needs_two_part
      AND NOT tariff.is_two_part
      AND tariff.tariff_code = account.tariff_code
      AND former.may_stay,
      FALSE
    ) AS may_stay,
    former.bill_id AS former_bill_id,
    former.tariff_code AS former_tariff_code,
    former.grown_on,
    account.needs_one_part AND tariff.is_two_part AS is_two_part_below
  FROM account
  JOIN tariff
    ON tariff.usage_category = account.usage_category
    AND account.supply_kv >= tariff.min_kv
    AND account.supply_kv <= tariff.max_kv
    AND NOT tariff.lacks_rate
    OR tariff.tariff_code = account.tariff_code
  LEFT JOIN former ON former.account_id = account.account_id
),

based AS (
  SELECT
    paired.*,
    basis.basis,
    paired.is_own_tariff AND (NOT paired.is_two_part OR basis.basis = paired.own_basis) AS is_own,
    NOT(
      COALESCE(paired.lacks_category, FALSE)
      OR COALESCE(paired.lacks_voltage, FALSE)
      OR paired.lacks_rate
      OR COALESCE(paired.lacks_time_of_use, FALSE)
      OR (COALESCE(paired.is_one_part_above, FALSE) AND NOT paired.may_stay)
      OR COALESCE(paired.is_two_part_below, FALSE)
    ) AS is_allowed
  FROM paired
  JOIN basis
    ON CASE
      WHEN paired.is_two_part
        THEN
          basis.basis = 'capacity'
          OR basis.basis
          = CASE WHEN paired.contract_demand_kw IS NULL THEN 'actual_demand' ELSE 'contract_demand' END
          OR (paired.is_own_tariff AND basis.basis = paired.own_basis)
      ELSE basis.basis = 'none'
    END
)

SELECT
  based.account_id,
  based.tariff_code,
  based.basis AS demand_basis,
  COALESCE(based.is_own, FALSE) AS is_own,
  based.is_two_part,
  based.is_time_of_use,
  COALESCE(based.lacks_category, FALSE) AS lacks_category,
  COALESCE(based.lacks_voltage, FALSE) AS lacks_voltage,
  based.lacks_rate,
  COALESCE(based.lacks_time_of_use, FALSE) AS lacks_time_of_use,
  COALESCE(based.is_one_part_above, FALSE) AND NOT based.may_stay AS is_one_part_above,
  based.may_stay,
  COALESCE(based.is_two_part_below, FALSE) AS is_two_part_below,
  CASE WHEN based.is_own THEN based.former_bill_id END AS former_bill_id,
  CASE WHEN based.is_own THEN based.former_tariff_code END AS former_tariff_code,
  CASE WHEN based.is_own THEN based.grown_on END AS grown_on,
  based.is_allowed
FROM based
WHERE based.is_allowed OR COALESCE(based.is_own, FALSE)
