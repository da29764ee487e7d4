/*
grain: one row per bill of P or the 11 months before that corrects none
key: [bill_id]
purpose: All that a bill is calculated from except the tariff; the account as it stands.
view: true
columns:
  bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of its month.}
  period_start: {type: date, doc: First day billed.}
  period_end: {type: date, doc: 'Last day billed, included.'}
  days: {type: integer, doc: 'Days billed, both ends included.'}
  billed_tariff_code: {type: string, doc: The tariff that it was billed on.}
  account_tariff_code: {type: string, doc: The account's tariff.}
  usage_category: {type: string, doc: Of the account.}
  supply_kv: {type: double, doc: Of the account.}
  status: {type: string, doc: Of the account.}
  demand_basis: {type: string, doc: Of the account.}
  contract_demand_kw: {type: double, doc: Of the account.}
  power_factor_standard: {type: double, doc: Of the account.}
  metered_kwh: {type: double, doc: Active total by the readings.}
  sharp_kwh: {type: double, doc: 'Energy of a register; empty where none was read, as below.'}
  peak_kwh: {type: double, doc: Energy of a register.}
  flat_kwh: {type: double, doc: Energy of a register.}
  valley_kwh: {type: double, doc: Energy of a register.}
  deep_kwh: {type: double, doc: Energy of a register.}
  lacks_four: {type: boolean, doc: As in facts.account_energy.}
  lacks_five: {type: boolean, doc: As in facts.account_energy.}
  export_kwh: {type: double, doc: 'Energy taken from the customer; empty where it cannot be said.'}
  main_active_kwh: {type: double, doc: Active total of the main points.}
  reactive_kvarh: {type: double, doc: Reactive total of the main points.}
  demand_kw: {type: double, doc: Highest demand summed over the main points.}
  iron_kwh: {type: double, doc: 'Iron loss of the dedicated transformers, over the days not wholly suspended; 0 where losses are not billed.'}
  copper_kwh: {type: double, doc: Copper loss.}
  contracted_kva: {type: double, doc: Of the account.}
  mean_kva: {type: double, doc: Mean over the days of contracted_kva less what facts.capacity_relief takes off.}
  months: {type: integer, doc: 'Months that a bill of the account covers, 1 where its file does not say.'}
  length: {type: string, doc: 'How the days on which the account was in force within the bill compare with these months: whole, part or long; begun of a part of several months whose days lie in as many calendar months.'}
  in_force_months: {type: double, doc: 'Its days in force, each over the days of its calendar month, summed; there where the length is not whole or its capacity grew.'}
  kva_months: {type: double, doc: 'The same, each day times the kVA that it is charged for; what came into force within the bill counts from its day.'}
  in_force_kva: {type: double, doc: Mean of these kVA over all days of the bill.}
  in_force_share: {type: double, doc: Days in force over days of the bill.}
  is_grown: {type: boolean, doc: 'A new or increase row of capacity_change began within the bill: it is recalculated where the tariff''s proration is days, and else not.'}
  year_before_kwh: {type: double, doc: 'billed_kwh of the calendar year before the bill (facts.bill_year).'}
  year_not_checked: {type: string, doc: As not_checked there.}
  power_factor: {type: double, doc: 'Rounded half up to two places; empty where no standard is set, no active energy was used or a reading is missing.'}
  energy_not_checked: {type: string, doc: 'Why the energy is not recalculated; empty where it is. allocation, capacity_change, change_tariff, split_month, no_reading, or as facts.register_energy.'}
  not_checked: {type: string, doc: 'As energy_not_checked, else loss_code_missing.'}
*/
WITH grown AS (
  SELECT
    capacity_change.account_id,
    MAX(capacity_change.start_on) AS last_on
  FROM source.capacity_change
  WHERE capacity_change.kind IN ('new', 'increase')
  GROUP BY capacity_change.account_id
),

changed AS (
  SELECT
    service_order.account_id,
    MAX(CAST(service_order.closed_at AS DATE)) AS last_on
  FROM source.service_order
  WHERE
    service_order.kind = 'change_tariff'
    AND service_order.closed_at IS NOT NULL
    AND (service_order.outcome IS NULL OR service_order.outcome NOT IN ('withdrawn', 'rejected'))
  GROUP BY service_order.account_id
),

joined AS (
  SELECT
    bill.bill_id,
    bill.account_id,
    bill.period,
    bill.period_start,
    bill.period_end,
    bill.days,
    bill.months,
    bill.length,
    bill.is_grown,
    bill_in_force.in_force_months,
    bill_in_force.kva_months,
    bill_in_force.in_force_kva,
    bill_in_force.in_force_share,
    bill_year.before_kwh AS year_before_kwh,
    bill_year.not_checked AS year_not_checked,
    bill.tariff_code AS billed_tariff_code,
    account.tariff_code AS account_tariff_code,
    account.usage_category,
    account.supply_kv,
    account.status,
    account.demand_basis,
    account.contract_demand_kw,
    account.power_factor_standard,
    account.contracted_kva,
    account_energy.metered_kwh,
    account_energy.sharp_kwh,
    account_energy.peak_kwh,
    account_energy.flat_kwh,
    account_energy.valley_kwh,
    account_energy.deep_kwh,
    account_energy.lacks_four,
    account_energy.lacks_five,
    account_energy.export_kwh,
    account_energy.main_active_kwh,
    account_energy.reactive_kvarh,
    account_energy.demand_kw,
    bill_loss.bill_id IS NOT NULL AS has_loss,
    bill_loss.iron_kwh,
    bill_loss.copper_rate,
    bill_loss.unknown_codes,
    bill.out_kva_days,
    -- What happened in the month (step 1) goes before what the file says and what was not read.
    CASE
      WHEN bill.is_multiplied THEN 'multiplier_changed'
      WHEN
        account_energy.not_checked NOT IN ('previous_value_missing', 'no_reading')
        THEN account_energy.not_checked
      -- What began within the bill is weighed by its days where the tariff says so.
      WHEN
        grown.last_on > bill.period_end
        OR (bill.is_grown AND COALESCE(tariff.proration, 'full') <> 'days')
        THEN 'capacity_change'
      WHEN changed.last_on > bill.period_start THEN 'change_tariff'
      WHEN account.allocation <> 'none' THEN 'allocation'
      WHEN bill_net.originals > 1 THEN 'split_month'
      WHEN account_energy.not_checked IS NOT NULL THEN account_energy.not_checked
      WHEN account_energy.metered_kwh IS NULL OR unread_account.account_id IS NOT NULL THEN 'no_reading'
    END AS energy_not_checked
  FROM facts.bill_length AS bill
  JOIN source.account ON account.account_id = bill.account_id
  LEFT JOIN source.tariff ON tariff.tariff_code = bill.tariff_code
  LEFT JOIN facts.account_energy
    ON account_energy.account_id = bill.account_id AND account_energy.period = bill.period
  LEFT JOIN facts.bill_loss ON bill_loss.bill_id = bill.bill_id
  LEFT JOIN facts.bill_year ON bill_year.bill_id = bill.bill_id
  LEFT JOIN facts.bill_in_force ON bill_in_force.bill_id = bill.bill_id
  LEFT JOIN facts.bill_net ON bill_net.account_id = bill.account_id AND bill_net.period = bill.period
  LEFT JOIN grown ON grown.account_id = bill.account_id
  LEFT JOIN changed ON changed.account_id = bill.account_id
  LEFT JOIN facts.unread_account ON unread_account.account_id = bill.account_id AND bill.period = $period
)

SELECT
  joined.bill_id,
  joined.account_id,
  joined.period,
  joined.period_start,
  joined.period_end,
  joined.days,
  joined.billed_tariff_code,
  joined.account_tariff_code,
  joined.usage_category,
  joined.supply_kv,
  joined.status,
  joined.demand_basis,
  joined.contract_demand_kw,
  joined.power_factor_standard,
  joined.metered_kwh,
  joined.sharp_kwh,
  joined.peak_kwh,
  joined.flat_kwh,
  joined.valley_kwh,
  joined.deep_kwh,
  joined.lacks_four,
  joined.lacks_five,
  joined.export_kwh,
  joined.main_active_kwh,
  joined.reactive_kvarh,
  joined.demand_kw,
  CASE WHEN joined.has_loss THEN joined.iron_kwh ELSE CAST(0 AS DOUBLE) END AS iron_kwh,
  CASE WHEN joined.has_loss THEN ROUND(joined.copper_rate * joined.metered_kwh, 6) ELSE CAST(0 AS DOUBLE) END
    AS copper_kwh,
  joined.contracted_kva,
  RATIO(joined.contracted_kva * joined.days - joined.out_kva_days, CAST(joined.days AS DOUBLE)) AS mean_kva,
  joined.months,
  joined.length,
  joined.in_force_months,
  joined.kva_months,
  joined.in_force_kva,
  joined.in_force_share,
  joined.is_grown,
  joined.year_before_kwh,
  joined.year_not_checked,
  CASE
    WHEN joined.power_factor_standard IS NOT NULL AND joined.main_active_kwh > 0
      THEN
        CAST(
          HALF_UP(
            RATIO(
              joined.main_active_kwh,
              SQRT(
                joined.main_active_kwh * joined.main_active_kwh
                + joined.reactive_kvarh * joined.reactive_kvarh
              )
            ),
            2
          ) AS DOUBLE
        )
  END AS power_factor,
  joined.energy_not_checked,
  COALESCE(joined.energy_not_checked, CASE WHEN joined.unknown_codes > 0 THEN 'loss_code_missing' END)
    AS not_checked
FROM joined
