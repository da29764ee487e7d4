/*
grain: one row a bill that corrects none, tariff, demand basis and purpose
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
  UNION ALL SELECT 'account'
),
request AS (
  SELECT p.purpose, CASE WHEN p.purpose = 'bill' THEN d.billed_tariff_code ELSE d.account_tariff_code END AS tariff_code,
         d.demand_basis AS requested_basis, d.bill_id, d.account_id, d.period, d.period_start,
         d.period_end, d.days, d.contract_demand_kw, d.power_factor_standard, d.metered_kwh, d.sharp_kwh, d.peak_kwh, d.flat_kwh,
         d.valley_kwh, d.main_active_kwh, d.reactive_kvarh, d.demand_kw, d.iron_kwh, d.copper_kwh, d.mean_kva, d.power_factor,
         d.energy_not_checked, d.not_checked
  FROM facts.bill_determinant AS d
  JOIN purpose AS p ON p.purpose = 'bill' OR d.account_tariff_code <> d.billed_tariff_code
  WHERE d.period = $period
  UNION ALL
  SELECT 'commercial', t.tariff_code, d.demand_basis, d.bill_id, d.account_id, d.period, d.period_start,
         d.period_end, d.days, d.contract_demand_kw, d.power_factor_standard, d.metered_kwh, d.sharp_kwh, d.peak_kwh, d.flat_kwh,
         d.valley_kwh, d.main_active_kwh, d.reactive_kvarh, d.demand_kw, d.iron_kwh, d.copper_kwh, d.mean_kva, d.power_factor,
         d.energy_not_checked, d.not_checked
  FROM facts.bill_determinant AS d
  JOIN source.tariff AS t ON t.usage_category = 'commercial' AND d.supply_kv >= t.min_kv AND d.supply_kv <= t.max_kv
  WHERE d.period = $period AND d.usage_category = 'residential'
  UNION ALL
  SELECT 'candidate', c.tariff_code, c.demand_basis, d.bill_id, d.account_id, d.period, d.period_start,
         d.period_end, d.days, d.contract_demand_kw, d.power_factor_standard, d.metered_kwh, d.sharp_kwh, d.peak_kwh, d.flat_kwh,
         d.valley_kwh, d.main_active_kwh, d.reactive_kvarh, d.demand_kw, d.iron_kwh, d.copper_kwh, d.mean_kva, d.power_factor,
         d.energy_not_checked, d.not_checked
  FROM facts.bill_determinant AS d
  JOIN facts.tariff_candidate AS c ON c.account_id = d.account_id
  JOIN source.tariff AS t ON t.tariff_code = c.tariff_code
  -- Without such a reading there is no price by time of use, and most homes have none.
  WHERE NOT t.is_time_of_use OR t.is_stepped
     OR COALESCE(d.sharp_kwh, d.peak_kwh, d.flat_kwh, d.valley_kwh) IS NOT NULL
)
SELECT r.purpose, r.tariff_code, r.requested_basis AS demand_basis, r.bill_id, r.account_id, r.period, r.period_start,
       r.period_end, r.days, r.contract_demand_kw, r.power_factor_standard, r.metered_kwh, r.sharp_kwh, r.peak_kwh, r.flat_kwh,
       r.valley_kwh, r.main_active_kwh, r.reactive_kvarh, r.demand_kw, r.iron_kwh, r.copper_kwh, r.mean_kva, r.power_factor,
       r.energy_not_checked, r.not_checked
FROM request AS r
