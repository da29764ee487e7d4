/*
grain: one row per main point of an account that pays by demand
key: [metering_point_id]
purpose: The demand of P that a point's register says, beside the highest one that its intervals show.
columns:
  metering_point_id: {type: string, doc: The point.}
  account_id: {type: string, doc: Its account.}
  demand_basis: {type: string, doc: contract_demand or actual_demand.}
  tariff_code: {type: string, doc: The account's tariff.}
  billed_kw: {type: double, doc: 'max_demand_kw x multiplier; empty where it was not read, or the multiplier changed.'}
  interval_kw: {type: double, doc: 'Highest mean power of a measured interval of P of at most 30 minutes, from installed_on.'}
  measured: {type: integer, doc: 'Such intervals, with a kwh.'}
  expected: {type: integer, doc: 'Intervals that P should have, from installed_on.'}
  not_checked: {type: string, doc: 'no_demand_reading where the register was not read, or as in facts.register_energy.'}
*/
WITH point AS (
  SELECT
    metering_point.metering_point_id,
    metering_point.account_id,
    metering_point.installed_on,
    account.demand_basis,
    account.tariff_code
  FROM source.metering_point
  JOIN source.account ON account.account_id = metering_point.account_id
  WHERE metering_point.role = 'main' AND account.demand_basis IN ('contract_demand', 'actual_demand')
),

seen AS (
  SELECT
    point.metering_point_id,
    INTEGER_SUM(interval_daily.demand_intervals) AS measured,
    MAX(interval_daily.demand_kw) AS interval_kw
  FROM point
  JOIN facts.interval_daily
    ON interval_daily.metering_point_id = point.metering_point_id
    AND (point.installed_on IS NULL OR interval_daily.day >= point.installed_on)
  WHERE interval_daily.day >= $period AND interval_daily.day <= $period_end
  GROUP BY point.metering_point_id
)

SELECT
  point.metering_point_id,
  point.account_id,
  point.demand_basis,
  point.tariff_code,
  register_energy.kwh AS billed_kw,
  seen.interval_kw,
  COALESCE(seen.measured, 0) AS measured,
  COALESCE(interval_month.expected, 0) AS expected,
  CASE
    WHEN register_energy.metering_point_id IS NULL THEN 'no_demand_reading' ELSE register_energy.not_checked
  END
    AS not_checked
FROM point
LEFT JOIN seen ON seen.metering_point_id = point.metering_point_id
LEFT JOIN facts.interval_month
  ON interval_month.metering_point_id = point.metering_point_id AND interval_month.period = $period
LEFT JOIN facts.register_energy
  ON register_energy.metering_point_id = point.metering_point_id
  AND register_energy.period = $period
  AND register_energy.register = 'max_demand_kw'
