/*
grain: one row per request of facts.price_request
key: [bill_id, purpose, tariff_code, demand_basis]
purpose: >-
  The one definition of how a bill is calculated. Each line is rounded half up to 0.01, the total is the sum of the rounded
  lines; where not_checked says why, the amounts are empty. What is known of single lines of such a bill is in the columns of
  lines, empty where energy_reason, charge_reason or factor_reason says why.
view: true
columns:
  purpose: {type: string, doc: As requested.}
  bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of its month.}
  tariff_code: {type: string, doc: The tariff priced on.}
  demand_basis: {type: string, doc: The basis priced by.}
  is_estimated: {type: boolean, doc: 'Registers that the account has not are estimated by its intervals.'}
  spread: {type: string, doc: 'Where rates changed within the bill: by what its energy was told apart, intervals or days.'}
  metered_kwh: {type: double, doc: Metered energy.}
  loss_kwh: {type: double, doc: Losses.}
  billed_kwh: {type: double, doc: Metered energy and losses.}
  energy_amount: {type: decimal, doc: Energy lines.}
  loss_amount: {type: decimal, doc: Lines loss_iron and loss_copper.}
  loss_iron_amount: {type: decimal, doc: The line loss_iron alone.}
  capacity_amount: {type: decimal, doc: Capacity charge.}
  demand_amount: {type: decimal, doc: Demand charge with what is above the contract.}
  power_factor: {type: double, doc: Power factor of the month where it is assessed.}
  power_factor_amount: {type: decimal, doc: Power-factor adjustment.}
  surcharge_amount: {type: decimal, doc: Surcharge.}
  feed_in_amount: {type: decimal, doc: 'What is paid for energy taken from the customer, below 0.'}
  total_amount: {type: decimal, doc: Sum of the lines.}
  energy_not_checked: {type: string, doc: As in facts.bill_determinant.}
  not_checked: {type: string, doc: 'As in facts.bill_determinant, or capacity_change, no_rate, no_price, year_crossed, year_incomplete, year_steps_and_rates, part_of_a_month, period_not_a_month, no_time_of_use_reading, no_export_reading, no_demand_reading, contract_demand_missing, no_reactive_reading, power_factor_rate_missing.'}
  energy_reason: {type: string, doc: 'Why the energy, loss, surcharge and feed-in lines cannot be said.'}
  charge_reason: {type: string, doc: Why the capacity or demand line cannot be said.}
  factor_reason: {type: string, doc: Why the power-factor line cannot be said.}
  steps_amount: {type: decimal, doc: 'Line energy: flat, by steps, or what steps add to time of use; of lines, as all below.'}
  sharp_amount: {type: decimal, doc: Line energy_sharp.}
  peak_amount: {type: decimal, doc: Line energy_peak.}
  flat_amount: {type: decimal, doc: Line energy_flat.}
  valley_amount: {type: decimal, doc: Line energy_valley.}
  deep_amount: {type: decimal, doc: Line energy_deep.}
  iron_amount: {type: decimal, doc: Line loss_iron.}
  copper_amount: {type: decimal, doc: Line loss_copper.}
  addition_amount: {type: decimal, doc: Line surcharge.}
  export_amount: {type: decimal, doc: Line feed_in.}
  kva_amount: {type: decimal, doc: Line capacity.}
  kw_amount: {type: decimal, doc: Line demand.}
  factor_amount: {type: decimal, doc: Line power_factor.}
  sharp_kwh: {type: double, doc: Energy of the register.}
  peak_kwh: {type: double, doc: Energy of the register.}
  flat_kwh: {type: double, doc: Energy of the register.}
  valley_kwh: {type: double, doc: Energy of the register.}
  deep_kwh: {type: double, doc: Energy of the register.}
  iron_kwh: {type: double, doc: Iron loss.}
  copper_kwh: {type: double, doc: Copper loss.}
  export_kwh: {type: double, doc: Energy taken from the customer.}
  charged_kva: {type: double, doc: kVA charged; 0 where none are.}
  charged_kw: {type: double, doc: 'kW charged, what is above the contract included; 0 where none are.'}
  charged_price: {type: double, doc: 'Currency per kVA or kW as charged: for the months of the bill, its part of a month and high use.'}
  factor_base_amount: {type: decimal, doc: What the power factor adjusts.}
params:
  high_use_kwh_per_kva: {type: number, default: [{value: null}, {from: 2023-06-01, value: 260}], minimum: 0, doc: 'kWh a month for each kVA of contracted_kva from which the demand price is reduced, by the first day of the bill; empty: never.'}
  high_use_share: {type: number, default: 0.9, minimum: 0, doc: Share of the demand price that is then paid.}
*/
WITH parted AS (
  SELECT
    priced_part.part_no,
    priced_part.purpose,
    priced_part.bill_id,
    priced_part.account_id,
    priced_part.period,
    priced_part.tariff_code,
    priced_part.demand_basis,
    priced_part.spread,
    priced_part.is_stepped,
    priced_part.is_prorated,
    priced_part.charged_basis,
    priced_part.capacity_price,
    priced_part.demand_price,
    MIN(priced_part.energy_reason) OVER w AS energy_reason,
    MONEY(SUM(priced_part.energy_amount) OVER w) AS energy_amount,
    MONEY(SUM(priced_part.sharp_amount) OVER w) AS sharp_amount,
    MONEY(SUM(priced_part.peak_amount) OVER w) AS peak_amount,
    MONEY(SUM(priced_part.flat_amount) OVER w) AS flat_amount,
    MONEY(SUM(priced_part.valley_amount) OVER w) AS valley_amount,
    MONEY(SUM(priced_part.deep_amount) OVER w) AS deep_amount,
    MONEY(SUM(priced_part.loss_iron_amount) OVER w) AS loss_iron_amount,
    MONEY(SUM(priced_part.loss_copper_amount) OVER w) AS loss_copper_amount,
    MONEY(SUM(priced_part.surcharge_amount) OVER w) AS surcharge_amount,
    MONEY(SUM(priced_part.feed_in_amount) OVER w) AS feed_in_amount,
    priced_part.metered_kwh,
    priced_part.sharp_kwh,
    priced_part.peak_kwh,
    priced_part.flat_kwh,
    priced_part.valley_kwh,
    priced_part.deep_kwh,
    priced_part.export_kwh,
    priced_part.main_active_kwh,
    priced_part.reactive_kvarh,
    priced_part.demand_kw,
    priced_part.contract_demand_kw,
    priced_part.iron_kwh,
    priced_part.copper_kwh,
    priced_part.contracted_kva,
    priced_part.mean_kva,
    priced_part.months,
    priced_part.length,
    priced_part.in_force_months,
    priced_part.kva_months,
    priced_part.in_force_kva,
    priced_part.in_force_share,
    priced_part.is_grown,
    priced_part.power_factor_standard,
    priced_part.power_factor,
    priced_part.period_start,
    priced_part.is_estimated,
    priced_part.energy_not_checked
  FROM facts.priced_part
  WHERE priced_part.parts > 1
  WINDOW
    w AS (
      PARTITION BY
        -- Account and month of a bill say nothing more, but who asks for one month has one month priced.
        priced_part.purpose,
        priced_part.account_id,
        priced_part.period,
        priced_part.bill_id,
        priced_part.tariff_code,
        priced_part.demand_basis
    )
),

whole AS (
  SELECT
    priced_part.purpose,
    priced_part.bill_id,
    priced_part.account_id,
    priced_part.period,
    priced_part.tariff_code,
    priced_part.demand_basis,
    priced_part.spread,
    priced_part.is_stepped,
    priced_part.is_prorated,
    priced_part.charged_basis,
    priced_part.capacity_price,
    priced_part.demand_price,
    priced_part.energy_reason,
    priced_part.energy_amount,
    priced_part.sharp_amount,
    priced_part.peak_amount,
    priced_part.flat_amount,
    priced_part.valley_amount,
    priced_part.deep_amount,
    priced_part.loss_iron_amount,
    priced_part.loss_copper_amount,
    priced_part.surcharge_amount,
    priced_part.feed_in_amount,
    priced_part.metered_kwh,
    priced_part.sharp_kwh,
    priced_part.peak_kwh,
    priced_part.flat_kwh,
    priced_part.valley_kwh,
    priced_part.deep_kwh,
    priced_part.export_kwh,
    priced_part.main_active_kwh,
    priced_part.reactive_kvarh,
    priced_part.demand_kw,
    priced_part.contract_demand_kw,
    priced_part.iron_kwh,
    priced_part.copper_kwh,
    priced_part.contracted_kva,
    priced_part.mean_kva,
    priced_part.months,
    priced_part.length,
    priced_part.in_force_months,
    priced_part.kva_months,
    priced_part.in_force_kva,
    priced_part.in_force_share,
    priced_part.is_grown,
    priced_part.power_factor_standard,
    priced_part.power_factor,
    priced_part.period_start,
    priced_part.is_estimated,
    priced_part.energy_not_checked
  FROM facts.priced_part
  WHERE priced_part.parts = 1
  UNION ALL
  SELECT
    parted.purpose,
    parted.bill_id,
    parted.account_id,
    parted.period,
    parted.tariff_code,
    parted.demand_basis,
    parted.spread,
    parted.is_stepped,
    parted.is_prorated,
    parted.charged_basis,
    parted.capacity_price,
    parted.demand_price,
    parted.energy_reason,
    parted.energy_amount,
    parted.sharp_amount,
    parted.peak_amount,
    parted.flat_amount,
    parted.valley_amount,
    parted.deep_amount,
    parted.loss_iron_amount,
    parted.loss_copper_amount,
    parted.surcharge_amount,
    parted.feed_in_amount,
    parted.metered_kwh,
    parted.sharp_kwh,
    parted.peak_kwh,
    parted.flat_kwh,
    parted.valley_kwh,
    parted.deep_kwh,
    parted.export_kwh,
    parted.main_active_kwh,
    parted.reactive_kvarh,
    parted.demand_kw,
    parted.contract_demand_kw,
    parted.iron_kwh,
    parted.copper_kwh,
    parted.contracted_kva,
    parted.mean_kva,
    parted.months,
    parted.length,
    parted.in_force_months,
    parted.kva_months,
    parted.in_force_kva,
    parted.in_force_share,
    parted.is_grown,
    parted.power_factor_standard,
    parted.power_factor,
    parted.period_start,
    parted.is_estimated,
    parted.energy_not_checked
  FROM parted
  WHERE parted.part_no = 1
),

judged AS (
  SELECT
    whole.*,
    whole.iron_kwh + whole.copper_kwh AS loss_kwh,
    whole.metered_kwh + whole.iron_kwh + whole.copper_kwh AS billed_kwh,
    whole.power_factor_standard IS NOT NULL AND NOT whole.is_stepped AS has_power_factor,
    CAST(ROUND(whole.power_factor_standard * 100) AS BIGINT) AS standard_points,
    CAST(ROUND(whole.power_factor * 100) AS BIGINT) AS power_factor_points,
    -- A part of a month pays the full monthly price, or by its days where the tariff says so.
    CASE
      WHEN NOT whole.is_prorated THEN CAST(whole.months AS DOUBLE)
      WHEN whole.length = 'whole' THEN whole.months * COALESCE(whole.in_force_share, 1)
      ELSE whole.in_force_months
    END AS charged_months,
    whole.charged_basis IN ('actual_demand', 'contract_demand')
    AND ROUND(whole.metered_kwh, 6)
    >= ROUND(ON_DAY($high_use_kwh_per_kva, whole.period_start) * whole.contracted_kva * whole.months, 6)
      AS is_high_use,
    -- Whether the use of a part of a month is high is said by nobody, unless it is high for a whole one.
    whole.charged_basis IN ('actual_demand', 'contract_demand')
    AND whole.length IN ('begun', 'part')
    AND ROUND(whole.metered_kwh, 6)
    >= ROUND(
      ON_DAY($high_use_kwh_per_kva, whole.period_start) * whole.contracted_kva * whole.in_force_months, 6
    )
    AND ROUND(whole.metered_kwh, 6)
    < ROUND(ON_DAY($high_use_kwh_per_kva, whole.period_start) * whole.contracted_kva * whole.months, 6)
      AS is_use_unsaid
  FROM whole
),

charged AS (
  SELECT
    judged.*,
    CASE
      WHEN judged.charged_basis = 'capacity' THEN judged.capacity_price
      WHEN judged.is_high_use THEN judged.demand_price * ON_DAY($high_use_share, judged.period_start)
      ELSE judged.demand_price
    END AS unit_price,
    -- Times the price, the kVA are the mean over the days charged.
    CASE
      WHEN NOT judged.is_prorated OR judged.in_force_share IS NULL THEN judged.mean_kva * judged.months
      WHEN judged.length = 'whole' THEN judged.in_force_kva * judged.months
      ELSE judged.kva_months
    END AS kva_months_charged,
    CASE
      WHEN judged.charged_basis IS NULL THEN NULL
      WHEN judged.length = 'long' THEN 'period_not_a_month'
      WHEN judged.length = 'part' AND judged.months > 1 AND NOT judged.is_prorated THEN 'part_of_a_month'
      WHEN
        judged.charged_basis = 'capacity' AND judged.capacity_price IS NULL
        OR judged.charged_basis <> 'capacity' AND judged.demand_price IS NULL
        THEN 'no_price'
      WHEN
        judged.charged_basis = 'contract_demand' AND judged.contract_demand_kw IS NULL
        THEN 'contract_demand_missing'
      WHEN judged.charged_basis <> 'capacity' AND judged.demand_kw IS NULL THEN 'no_demand_reading'
      WHEN judged.is_use_unsaid THEN 'part_of_a_month'
    END AS charge_reason,
    CASE
      WHEN judged.charged_basis = 'contract_demand' AND judged.demand_kw > 1.05 * judged.contract_demand_kw
        THEN judged.demand_kw - 1.05 * judged.contract_demand_kw
      ELSE 0
    END AS above_kw
  FROM judged
),

lined AS (
  SELECT
    charged.*,
    MONEY(
      CASE
        WHEN charged.charged_basis = 'capacity' THEN charged.kva_months_charged * charged.unit_price ELSE 0
      END
    ) AS kva_amount,
    MONEY(
      CASE
        WHEN charged.charged_basis = 'actual_demand'
          THEN MONEY(charged.demand_kw * charged.unit_price * charged.charged_months)
        WHEN charged.charged_basis = 'contract_demand'
          THEN
            MONEY(charged.contract_demand_kw * charged.unit_price * charged.charged_months)
            + MONEY(2 * charged.unit_price * charged.above_kw * charged.charged_months)
        ELSE 0
      END
    ) AS kw_amount,
    CASE
      WHEN NOT charged.has_power_factor OR COALESCE(charged.main_active_kwh, 0) <= 0 THEN 0
      ELSE
        CAST(
          power_factor_rate.base_percent
          + power_factor_rate.percent_per_point
          * (power_factor_rate.base_points - charged.power_factor_points) AS DECIMAL(9, 4)
        )
    END AS power_factor_percent,
    CASE
      WHEN NOT charged.has_power_factor OR COALESCE(charged.main_active_kwh, 0) <= 0 THEN NULL
      WHEN charged.reactive_kvarh IS NULL THEN 'no_reactive_reading'
      WHEN power_factor_rate.base_percent IS NULL THEN 'power_factor_rate_missing'
    END AS factor_reason
  FROM charged
  LEFT JOIN facts.power_factor_rate
    ON power_factor_rate.standard_points = charged.standard_points
    AND charged.power_factor_points >= power_factor_rate.from_points
    AND charged.power_factor_points <= power_factor_rate.to_points
),

based AS (
  SELECT
    lined.*,
    MONEY(
      lined.energy_amount
      + lined.sharp_amount
      + lined.peak_amount
      + lined.flat_amount
      + lined.valley_amount
      + lined.deep_amount
    ) AS all_energy_amount,
    MONEY(lined.loss_iron_amount + lined.loss_copper_amount) AS loss_amount,
    COALESCE(lined.energy_reason, lined.charge_reason, lined.factor_reason) AS reason
  FROM lined
),

adjusted AS (
  SELECT
    based.*,
    MONEY(based.all_energy_amount + based.loss_amount + based.kva_amount + based.kw_amount) AS base_amount,
    MONEY(
      CAST(
        (based.all_energy_amount + based.loss_amount + based.kva_amount + based.kw_amount) AS DECIMAL(16, 2)
      )
      * CAST(based.power_factor_percent AS DECIMAL(9, 4)) * CAST(0.01 AS DECIMAL(3, 2))
    ) AS factor_amount
  FROM based
)

SELECT
  adjusted.purpose,
  adjusted.bill_id,
  adjusted.account_id,
  adjusted.period,
  adjusted.tariff_code,
  adjusted.demand_basis,
  adjusted.is_estimated,
  adjusted.spread,
  CASE WHEN adjusted.energy_not_checked IS NULL THEN adjusted.metered_kwh END AS metered_kwh,
  CASE WHEN adjusted.reason IS NULL THEN adjusted.loss_kwh END AS loss_kwh,
  CASE WHEN adjusted.reason IS NULL THEN adjusted.billed_kwh END AS billed_kwh,
  CASE WHEN adjusted.reason IS NULL THEN adjusted.all_energy_amount END AS energy_amount,
  CASE WHEN adjusted.reason IS NULL THEN adjusted.loss_amount END AS loss_amount,
  CASE WHEN adjusted.reason IS NULL THEN adjusted.loss_iron_amount END AS loss_iron_amount,
  CASE WHEN adjusted.reason IS NULL THEN adjusted.kva_amount END AS capacity_amount,
  CASE WHEN adjusted.reason IS NULL THEN adjusted.kw_amount END AS demand_amount,
  CASE WHEN adjusted.has_power_factor THEN adjusted.power_factor END AS power_factor,
  CASE WHEN adjusted.reason IS NULL THEN adjusted.factor_amount END AS power_factor_amount,
  CASE WHEN adjusted.reason IS NULL THEN adjusted.surcharge_amount END AS surcharge_amount,
  CASE WHEN adjusted.reason IS NULL THEN adjusted.feed_in_amount END AS feed_in_amount,
  CASE
    WHEN adjusted.reason IS NULL
      THEN
        MONEY(
          adjusted.all_energy_amount
          + adjusted.loss_amount
          + adjusted.kva_amount
          + adjusted.kw_amount
          + adjusted.factor_amount
          + adjusted.surcharge_amount
          + adjusted.feed_in_amount
        )
  END AS total_amount,
  adjusted.energy_not_checked,
  adjusted.reason AS not_checked,
  adjusted.energy_reason,
  adjusted.charge_reason,
  COALESCE(adjusted.factor_reason, adjusted.energy_reason, adjusted.charge_reason) AS factor_reason,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.energy_amount END AS steps_amount,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.sharp_amount END AS sharp_amount,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.peak_amount END AS peak_amount,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.flat_amount END AS flat_amount,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.valley_amount END AS valley_amount,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.deep_amount END AS deep_amount,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.loss_iron_amount END AS iron_amount,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.loss_copper_amount END AS copper_amount,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.surcharge_amount END AS addition_amount,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.feed_in_amount END AS export_amount,
  CASE WHEN adjusted.charge_reason IS NULL THEN adjusted.kva_amount END AS kva_amount,
  CASE WHEN adjusted.charge_reason IS NULL THEN adjusted.kw_amount END AS kw_amount,
  CASE WHEN adjusted.reason IS NULL THEN adjusted.factor_amount END AS factor_amount,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.sharp_kwh END AS sharp_kwh,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.peak_kwh END AS peak_kwh,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.flat_kwh END AS flat_kwh,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.valley_kwh END AS valley_kwh,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.deep_kwh END AS deep_kwh,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.iron_kwh END AS iron_kwh,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.copper_kwh END AS copper_kwh,
  CASE WHEN adjusted.energy_reason IS NULL THEN adjusted.export_kwh END AS export_kwh,
  CASE
    WHEN adjusted.charge_reason IS NOT NULL THEN NULL
    WHEN adjusted.charged_basis = 'capacity' THEN RATIO(adjusted.kva_months_charged, adjusted.charged_months)
    ELSE 0
  END AS charged_kva,
  CASE
    WHEN adjusted.charge_reason IS NOT NULL THEN NULL
    WHEN adjusted.charged_basis = 'actual_demand' THEN adjusted.demand_kw
    WHEN adjusted.charged_basis = 'contract_demand' THEN adjusted.contract_demand_kw + adjusted.above_kw
    ELSE 0
  END AS charged_kw,
  CASE WHEN adjusted.charge_reason IS NULL THEN adjusted.unit_price * adjusted.charged_months END
    AS charged_price,
  CASE WHEN COALESCE(adjusted.energy_reason, adjusted.charge_reason) IS NULL THEN adjusted.base_amount END
    AS factor_base_amount
FROM adjusted
