/*
grain: one row per bill that corrects none, tariff, demand basis and purpose
key: [bill_id, purpose, tariff_code, demand_basis]
purpose: >-
  Everything that is to be priced. bill: the bills of P on their own tariff; account: those of P on their account's
  tariff where it is another; commercial: those of P of residential accounts on each commercial tariff for their voltage; candidate: the
  last 12 billed months of live accounts on each tariff they may be on (their own, and each of their usage category and
  voltage with a rate valid at the end of P), with both demand bases where it is two-part,
  by time of use only where the month was read so.
view: true
columns:
  purpose: {type: string, doc: 'bill, account, commercial or candidate.'}
  tariff_code: {type: string, doc: The tariff to price on.}
  demand_basis: {type: string, doc: 'The basis to price by: none, capacity, contract_demand or actual_demand.'}
  bill_id: {type: string, doc: The bill; the rest is as in facts.bill_determinant.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of its month.}
  period_start: {type: date, doc: First day billed.}
  period_end: {type: date, doc: Last day billed.}
  days: {type: integer, doc: Days billed.}
  contract_demand_kw: {type: double, doc: Of the account.}
  power_factor_standard: {type: double, doc: Of the account.}
  metered_kwh: {type: double, doc: Active total.}
  sharp_kwh: {type: double, doc: Energy of a register.}
  peak_kwh: {type: double, doc: Energy of a register.}
  flat_kwh: {type: double, doc: Energy of a register.}
  valley_kwh: {type: double, doc: Energy of a register.}
  main_active_kwh: {type: double, doc: Active total of the main points.}
  reactive_kvarh: {type: double, doc: Reactive total of the main points.}
  demand_kw: {type: double, doc: Highest demand.}
  iron_kwh: {type: double, doc: Iron loss.}
  copper_kwh: {type: double, doc: Copper loss.}
  mean_kva: {type: double, doc: Mean capacity in force.}
  power_factor: {type: double, doc: Rounded power factor.}
  energy_not_checked: {type: string, doc: Why the energy is not recalculated.}
  not_checked: {type: string, doc: Why the bill is not recalculated.}
*/
WITH purpose AS (
  SELECT 'bill' AS purpose
  UNION ALL
  SELECT 'account'
),

request AS (
  SELECT
    purpose.purpose,
    CASE
      WHEN purpose.purpose = 'bill' THEN bill_determinant.billed_tariff_code ELSE
        bill_determinant.account_tariff_code
    END AS tariff_code,
    bill_determinant.demand_basis AS requested_basis,
    bill_determinant.bill_id,
    bill_determinant.account_id,
    bill_determinant.period,
    bill_determinant.period_start,
    bill_determinant.period_end,
    bill_determinant.days,
    bill_determinant.contract_demand_kw,
    bill_determinant.power_factor_standard,
    bill_determinant.metered_kwh,
    bill_determinant.sharp_kwh,
    bill_determinant.peak_kwh,
    bill_determinant.flat_kwh,
    bill_determinant.valley_kwh,
    bill_determinant.main_active_kwh,
    bill_determinant.reactive_kvarh,
    bill_determinant.demand_kw,
    bill_determinant.iron_kwh,
    bill_determinant.copper_kwh,
    bill_determinant.mean_kva,
    bill_determinant.power_factor,
    bill_determinant.energy_not_checked,
    bill_determinant.not_checked
  FROM facts.bill_determinant
  JOIN purpose
    ON purpose.purpose = 'bill' OR bill_determinant.account_tariff_code <> bill_determinant.billed_tariff_code
  WHERE bill_determinant.period = $period
  UNION ALL
  SELECT
    'commercial',
    tariff.tariff_code,
    bill_determinant.demand_basis,
    bill_determinant.bill_id,
    bill_determinant.account_id,
    bill_determinant.period,
    bill_determinant.period_start,
    bill_determinant.period_end,
    bill_determinant.days,
    bill_determinant.contract_demand_kw,
    bill_determinant.power_factor_standard,
    bill_determinant.metered_kwh,
    bill_determinant.sharp_kwh,
    bill_determinant.peak_kwh,
    bill_determinant.flat_kwh,
    bill_determinant.valley_kwh,
    bill_determinant.main_active_kwh,
    bill_determinant.reactive_kvarh,
    bill_determinant.demand_kw,
    bill_determinant.iron_kwh,
    bill_determinant.copper_kwh,
    bill_determinant.mean_kva,
    bill_determinant.power_factor,
    bill_determinant.energy_not_checked,
    bill_determinant.not_checked
  FROM facts.bill_determinant
  JOIN source.tariff
    ON tariff.usage_category = 'commercial'
    AND bill_determinant.supply_kv >= tariff.min_kv
    AND bill_determinant.supply_kv <= tariff.max_kv
  WHERE bill_determinant.period = $period AND bill_determinant.usage_category = 'residential'
  UNION ALL
  SELECT
    'candidate',
    tariff_candidate.tariff_code,
    tariff_candidate.demand_basis,
    bill_determinant.bill_id,
    bill_determinant.account_id,
    bill_determinant.period,
    bill_determinant.period_start,
    bill_determinant.period_end,
    bill_determinant.days,
    bill_determinant.contract_demand_kw,
    bill_determinant.power_factor_standard,
    bill_determinant.metered_kwh,
    bill_determinant.sharp_kwh,
    bill_determinant.peak_kwh,
    bill_determinant.flat_kwh,
    bill_determinant.valley_kwh,
    bill_determinant.main_active_kwh,
    bill_determinant.reactive_kvarh,
    bill_determinant.demand_kw,
    bill_determinant.iron_kwh,
    bill_determinant.copper_kwh,
    bill_determinant.mean_kva,
    bill_determinant.power_factor,
    bill_determinant.energy_not_checked,
    bill_determinant.not_checked
  FROM facts.bill_determinant
  JOIN facts.tariff_candidate ON tariff_candidate.account_id = bill_determinant.account_id
  JOIN source.tariff ON tariff.tariff_code = tariff_candidate.tariff_code
  -- Without such a reading there is no price by time of use, and most homes have none.
  WHERE
    NOT tariff.is_time_of_use OR tariff.is_stepped
    OR COALESCE(
      bill_determinant.sharp_kwh,
      bill_determinant.peak_kwh,
      bill_determinant.flat_kwh,
      bill_determinant.valley_kwh
    ) IS NOT NULL
)

SELECT
  request.purpose,
  request.tariff_code,
  request.requested_basis AS demand_basis,
  request.bill_id,
  request.account_id,
  request.period,
  request.period_start,
  request.period_end,
  request.days,
  request.contract_demand_kw,
  request.power_factor_standard,
  request.metered_kwh,
  request.sharp_kwh,
  request.peak_kwh,
  request.flat_kwh,
  request.valley_kwh,
  request.main_active_kwh,
  request.reactive_kvarh,
  request.demand_kw,
  request.iron_kwh,
  request.copper_kwh,
  request.mean_kva,
  request.power_factor,
  request.energy_not_checked,
  request.not_checked
FROM request
