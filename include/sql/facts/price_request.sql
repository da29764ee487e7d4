/*
grain: one row per bill that corrects none, tariff, demand basis and purpose
key: [bill_id, purpose, tariff_code, demand_basis]
purpose: >-
  Everything that is to be priced. bill: the bills of P on their own tariff; account: those of P on their account's
  tariff where it is another; commercial: those of P of
  the accounts of facts.price_question, on each commercial tariff for their voltage; candidate: the
  last 12 billed months of live accounts on each tariff they may be on (facts.tariff_candidate), by time of use only where
  the month was read so or its intervals say it; other_kind: those of P of the accounts of facts.price_question on each of
  these tariffs that has as many parts as their own has not.
view: true
columns:
  purpose: {type: string, doc: 'bill, account, commercial, candidate or other_kind.'}
  tariff_code: {type: string, doc: The tariff to price on.}
  demand_basis: {type: string, doc: 'The basis to price by: none, capacity, contract_demand or actual_demand.'}
  bill_id: {type: string, doc: The bill; the rest is as in facts.bill_determinant.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of its month.}
  period_start: {type: date, doc: First day billed.}
  period_end: {type: date, doc: Last day billed.}
  days: {type: integer, doc: Days billed.}
  is_estimated: {type: boolean, doc: 'Energy by time of use or demand is not read but estimated by intervals (facts.interval_band).'}
  contract_demand_kw: {type: double, doc: Of the account.}
  power_factor_standard: {type: double, doc: Of the account.}
  metered_kwh: {type: double, doc: Active total.}
  sharp_kwh: {type: double, doc: Energy of a register.}
  peak_kwh: {type: double, doc: Energy of a register.}
  flat_kwh: {type: double, doc: Energy of a register.}
  valley_kwh: {type: double, doc: Energy of a register.}
  deep_kwh: {type: double, doc: Energy of a register.}
  lacks_four: {type: boolean, doc: As in facts.account_energy.}
  lacks_five: {type: boolean, doc: As in facts.account_energy.}
  export_kwh: {type: double, doc: Energy taken from the customer.}
  main_active_kwh: {type: double, doc: Active total of the main points.}
  reactive_kvarh: {type: double, doc: Reactive total of the main points.}
  demand_kw: {type: double, doc: Highest demand.}
  iron_kwh: {type: double, doc: Iron loss.}
  copper_kwh: {type: double, doc: Copper loss.}
  contracted_kva: {type: double, doc: Of the account.}
  mean_kva: {type: double, doc: Mean capacity in force.}
  months: {type: integer, doc: Months that the bill covers.}
  length: {type: string, doc: 'whole, begun, part or long.'}
  in_force_months: {type: double, doc: As in facts.bill_determinant.}
  kva_months: {type: double, doc: As in facts.bill_determinant.}
  in_force_kva: {type: double, doc: As in facts.bill_determinant.}
  in_force_share: {type: double, doc: As in facts.bill_determinant.}
  is_grown: {type: boolean, doc: As in facts.bill_determinant.}
  year_before_kwh: {type: double, doc: As in facts.bill_determinant.}
  year_not_checked: {type: string, doc: As in facts.bill_determinant.}
  power_factor: {type: double, doc: Rounded power factor.}
  energy_not_checked: {type: string, doc: Why the energy is not recalculated.}
  not_checked: {type: string, doc: Why the bill is not recalculated.}
*/
WITH purpose AS (
  SELECT 'bill' AS purpose
  UNION ALL
  SELECT 'account'
),

-- Each purpose is a branch of its own, so that who asks for one has no bill of another looked at.
request AS (
  SELECT
    purpose.purpose,
    CASE
      WHEN purpose.purpose = 'bill' THEN bill_determinant.billed_tariff_code ELSE
        bill_determinant.account_tariff_code
    END AS requested_code,
    bill_determinant.demand_basis AS requested_basis,
    CAST(NULL AS DOUBLE) AS band_peak_share,
    CAST(NULL AS DOUBLE) AS flat_share,
    CAST(NULL AS DOUBLE) AS valley_share,
    CAST(NULL AS DOUBLE) AS band_kw,
    FALSE AS is_other,
    FALSE AS is_by_time,
    bill_determinant.*
  FROM facts.bill_determinant
  JOIN purpose
    ON purpose.purpose = 'bill' OR bill_determinant.account_tariff_code <> bill_determinant.billed_tariff_code
  WHERE bill_determinant.period = $period
  UNION ALL
  SELECT
    'commercial',
    tariff.tariff_code,
    bill_determinant.demand_basis,
    CAST(NULL AS DOUBLE) AS band_peak_share,
    CAST(NULL AS DOUBLE) AS flat_share,
    CAST(NULL AS DOUBLE) AS valley_share,
    CAST(NULL AS DOUBLE) AS band_kw,
    FALSE AS is_other,
    FALSE AS is_by_time,
    bill_determinant.*
  FROM facts.bill_determinant
  JOIN facts.price_question
    ON price_question.account_id = bill_determinant.account_id AND price_question.purpose = 'commercial'
  JOIN source.tariff
    ON tariff.usage_category = 'commercial'
    AND bill_determinant.supply_kv >= tariff.min_kv
    AND bill_determinant.supply_kv <= tariff.max_kv
  WHERE bill_determinant.period = $period
  UNION ALL
  SELECT
    'other_kind',
    tariff_candidate.tariff_code,
    tariff_candidate.demand_basis,
    interval_band.peak_share,
    interval_band.flat_share,
    interval_band.valley_share,
    interval_band.demand_kw,
    NOT tariff_candidate.is_own,
    tariff.is_time_of_use,
    bill_determinant.*
  FROM facts.bill_determinant
  JOIN facts.price_question
    ON price_question.account_id = bill_determinant.account_id AND price_question.purpose = 'other_kind'
  JOIN facts.tariff_candidate
    ON tariff_candidate.account_id = bill_determinant.account_id
    AND tariff_candidate.is_two_part <> price_question.is_two_part
  JOIN source.tariff ON tariff.tariff_code = tariff_candidate.tariff_code
  LEFT JOIN facts.interval_band
    ON interval_band.account_id = bill_determinant.account_id
    AND interval_band.period = bill_determinant.period
  WHERE bill_determinant.period = $period
  UNION ALL
  SELECT
    'candidate',
    tariff_candidate.tariff_code,
    tariff_candidate.demand_basis,
    interval_band.peak_share,
    interval_band.flat_share,
    interval_band.valley_share,
    interval_band.demand_kw,
    NOT tariff_candidate.is_own,
    tariff.is_time_of_use,
    bill_determinant.*
  FROM facts.bill_determinant
  JOIN facts.tariff_candidate ON tariff_candidate.account_id = bill_determinant.account_id
  JOIN source.tariff ON tariff.tariff_code = tariff_candidate.tariff_code
  LEFT JOIN facts.interval_band
    ON interval_band.account_id = bill_determinant.account_id
    AND interval_band.period = bill_determinant.period
),

told AS (
  SELECT
    request.*,
    COALESCE(request.sharp_kwh, request.peak_kwh, request.flat_kwh, request.valley_kwh) IS NOT NULL
      AS is_read_by_time
  FROM request
),

-- What the account is on is compared as it was read.
estimated AS (
  SELECT
    told.*,
    CASE WHEN told.is_by_time AND told.is_other AND NOT told.is_read_by_time THEN told.band_peak_share END
      AS peak_share,
    CASE WHEN told.is_other AND told.demand_kw IS NULL THEN told.band_kw END AS estimated_kw
  FROM told
  -- Without such a reading and such intervals there is no price by time of use, and most homes have neither.
  WHERE
    NOT told.is_by_time
    OR told.is_read_by_time
    OR (told.is_other AND told.band_peak_share IS NOT NULL)
)

SELECT
  estimated.purpose,
  estimated.requested_code AS tariff_code,
  estimated.requested_basis AS demand_basis,
  estimated.bill_id,
  estimated.account_id,
  estimated.period,
  estimated.period_start,
  estimated.period_end,
  estimated.days,
  estimated.peak_share IS NOT NULL
  OR (
    estimated.estimated_kw IS NOT NULL AND estimated.requested_basis IN ('actual_demand', 'contract_demand')
  ) AS is_estimated,
  estimated.contract_demand_kw,
  estimated.power_factor_standard,
  estimated.metered_kwh,
  estimated.sharp_kwh,
  CASE
    WHEN estimated.peak_share IS NOT NULL THEN ROUND(estimated.metered_kwh * estimated.peak_share, 6)
    ELSE estimated.peak_kwh
  END AS peak_kwh,
  CASE
    WHEN estimated.peak_share IS NOT NULL THEN ROUND(estimated.metered_kwh * estimated.flat_share, 6)
    ELSE estimated.flat_kwh
  END AS flat_kwh,
  CASE
    WHEN estimated.peak_share IS NOT NULL THEN ROUND(estimated.metered_kwh * estimated.valley_share, 6)
    ELSE estimated.valley_kwh
  END AS valley_kwh,
  estimated.deep_kwh,
  estimated.peak_share IS NULL AND COALESCE(estimated.lacks_four, FALSE) AS lacks_four,
  -- What is used in deep valley no register and no interval says of an account that has no such register.
  (estimated.peak_share IS NULL AND COALESCE(estimated.lacks_five, FALSE))
  OR (estimated.is_other AND estimated.deep_kwh IS NULL) AS lacks_five,
  estimated.export_kwh,
  estimated.main_active_kwh,
  estimated.reactive_kvarh,
  COALESCE(estimated.demand_kw, estimated.estimated_kw) AS demand_kw,
  estimated.iron_kwh,
  estimated.copper_kwh,
  estimated.contracted_kva,
  estimated.mean_kva,
  estimated.months,
  estimated.length,
  estimated.in_force_months,
  estimated.kva_months,
  estimated.in_force_kva,
  estimated.in_force_share,
  estimated.is_grown,
  estimated.year_before_kwh,
  estimated.year_not_checked,
  estimated.power_factor,
  estimated.energy_not_checked,
  estimated.not_checked
FROM estimated
