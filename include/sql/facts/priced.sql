/*
grain: one row per request of facts.price_request
key: [bill_id, purpose, tariff_code, demand_basis]
purpose: The one definition of how a bill is calculated. Each line is rounded half up to 0.01, the total is the sum of the rounded lines; where not_checked says why, the amounts are empty.
view: true
columns:
  purpose: {type: string, doc: As requested.}
  bill_id: {type: string, doc: The bill.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of its month.}
  tariff_code: {type: string, doc: The tariff priced on.}
  demand_basis: {type: string, doc: The basis priced by.}
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
  total_amount: {type: decimal, doc: Sum of the lines.}
  energy_not_checked: {type: string, doc: As in facts.bill_determinant.}
  not_checked: {type: string, doc: 'As in facts.bill_determinant, or no_rate, no_price, no_time_of_use_reading, no_demand_reading, contract_demand_missing, no_reactive_reading, power_factor_rate_missing.'}
*/
WITH input AS (
  SELECT
    price_request.purpose,
    price_request.bill_id,
    price_request.account_id,
    price_request.period,
    price_request.tariff_code,
    price_request.demand_basis,
    price_request.metered_kwh,
    price_request.sharp_kwh,
    price_request.peak_kwh,
    price_request.flat_kwh,
    price_request.valley_kwh,
    price_request.main_active_kwh,
    price_request.reactive_kvarh,
    price_request.demand_kw,
    price_request.contract_demand_kw,
    price_request.mean_kva,
    price_request.iron_kwh,
    price_request.copper_kwh,
    price_request.iron_kwh + price_request.copper_kwh AS loss_kwh,
    price_request.metered_kwh + price_request.iron_kwh + price_request.copper_kwh AS billed_kwh,
    price_request.energy_not_checked,
    price_request.not_checked,
    tariff.is_stepped,
    tariff.is_time_of_use AND NOT tariff.is_stepped AS is_time_of_use,
    CASE WHEN tariff.is_two_part AND price_request.demand_basis <> 'none' THEN price_request.demand_basis END
      AS charged_basis,
    price_request.power_factor_standard IS NOT NULL AND NOT tariff.is_stepped AS has_power_factor,
    price_request.power_factor,
    CAST(ROUND(price_request.power_factor_standard * 100) AS BIGINT) AS standard_points,
    CAST(ROUND(price_request.power_factor * 100) AS BIGINT) AS power_factor_points,
    tariff_price.tariff_code IS NOT NULL AS has_rate,
    tariff_price.energy_price,
    tariff_price.sharp_price,
    tariff_price.peak_price,
    tariff_price.flat_price,
    tariff_price.valley_price,
    CASE WHEN tariff.is_time_of_use THEN tariff_price.flat_price ELSE tariff_price.energy_price END
      AS loss_price,
    tariff_price.capacity_price,
    tariff_price.demand_price,
    COALESCE(tariff_price.surcharge_price, 0) AS surcharge_price,
    price_request.period_end
  FROM facts.price_request
  LEFT JOIN source.tariff ON tariff.tariff_code = price_request.tariff_code
  LEFT JOIN facts.tariff_price
    ON tariff_price.tariff_code = price_request.tariff_code AND tariff_price.on_day = price_request.period_end
),

lined AS (
  SELECT
    input.purpose,
    input.bill_id,
    input.account_id,
    input.period,
    input.tariff_code,
    input.demand_basis,
    input.metered_kwh,
    input.loss_kwh,
    input.billed_kwh,
    CASE
      WHEN
        input.is_stepped
        THEN
          tariff_step.below_amount + MONEY((input.billed_kwh - tariff_step.from_kwh) * tariff_step.unit_price)
      WHEN input.is_time_of_use
        THEN
          MONEY(COALESCE(input.sharp_kwh * input.sharp_price, 0))
          + MONEY(COALESCE(input.peak_kwh * input.peak_price, 0))
          + MONEY(COALESCE(input.flat_kwh * input.flat_price, 0))
          + MONEY(COALESCE(input.valley_kwh * input.valley_price, 0))
      ELSE MONEY(input.metered_kwh * input.energy_price)
    END AS energy_amount,
    CASE WHEN input.is_stepped OR input.iron_kwh = 0 THEN 0 ELSE MONEY(input.iron_kwh * input.loss_price) END
      AS loss_iron_amount,
    CASE
      WHEN input.is_stepped OR input.copper_kwh = 0 THEN 0 ELSE MONEY(input.copper_kwh * input.loss_price)
    END AS loss_copper_amount,
    CASE WHEN input.charged_basis = 'capacity' THEN MONEY(input.mean_kva * input.capacity_price) ELSE 0 END
      AS capacity_amount,
    CASE
      WHEN input.charged_basis = 'actual_demand' THEN MONEY(input.demand_kw * input.demand_price)
      WHEN input.charged_basis = 'contract_demand'
        THEN
          MONEY(input.contract_demand_kw * input.demand_price)
          + CASE
            WHEN input.demand_kw > 1.05 * input.contract_demand_kw
              THEN MONEY(2 * input.demand_price * (input.demand_kw - 1.05 * input.contract_demand_kw))
            ELSE 0
          END
      ELSE 0
    END AS demand_amount,
    CASE WHEN input.has_power_factor THEN input.power_factor END AS power_factor,
    CASE
      WHEN NOT input.has_power_factor OR COALESCE(input.main_active_kwh, 0) <= 0 THEN 0
      ELSE
        CAST(
          power_factor_rate.base_percent
          + power_factor_rate.percent_per_point
          * (power_factor_rate.base_points - input.power_factor_points) AS DECIMAL(9, 4)
        )
    END AS power_factor_percent,
    MONEY(input.billed_kwh * input.surcharge_price) AS surcharge_amount,
    input.energy_not_checked,
    CASE
      WHEN input.not_checked IS NOT NULL THEN input.not_checked
      WHEN NOT input.has_rate THEN 'no_rate'
      WHEN input.is_stepped AND tariff_step.unit_price IS NULL THEN 'no_price'
      WHEN
        input.is_time_of_use
        AND input.sharp_kwh IS NULL
        AND input.peak_kwh IS NULL
        AND input.flat_kwh IS NULL
        AND input.valley_kwh IS NULL
        THEN 'no_time_of_use_reading'
      WHEN
        input.is_time_of_use
        AND (
          (input.sharp_kwh <> 0 AND input.sharp_price IS NULL)
          OR (input.peak_kwh <> 0 AND input.peak_price IS NULL)
          OR (input.flat_kwh <> 0 AND input.flat_price IS NULL)
          OR (input.valley_kwh <> 0 AND input.valley_price IS NULL)
        )
        THEN 'no_price'
      WHEN NOT input.is_stepped AND NOT input.is_time_of_use AND input.energy_price IS NULL THEN 'no_price'
      WHEN NOT input.is_stepped AND input.loss_kwh <> 0 AND input.loss_price IS NULL THEN 'no_price'
      WHEN input.charged_basis = 'capacity' AND input.capacity_price IS NULL THEN 'no_price'
      WHEN
        input.charged_basis IN ('actual_demand', 'contract_demand') AND input.demand_price IS NULL
        THEN 'no_price'
      WHEN
        input.charged_basis = 'contract_demand' AND input.contract_demand_kw IS NULL
        THEN 'contract_demand_missing'
      WHEN
        input.charged_basis IN ('actual_demand', 'contract_demand') AND input.demand_kw IS NULL
        THEN 'no_demand_reading'
      WHEN
        input.has_power_factor AND input.main_active_kwh > 0 AND input.reactive_kvarh IS NULL
        THEN 'no_reactive_reading'
      WHEN
        input.has_power_factor AND input.main_active_kwh > 0 AND power_factor_rate.base_percent IS NULL
        THEN 'power_factor_rate_missing'
    END AS not_checked
  FROM input
  LEFT JOIN facts.tariff_step
    ON input.is_stepped
    AND tariff_step.tariff_code = input.tariff_code
    AND tariff_step.on_day = input.period_end
    AND (tariff_step.is_first OR input.billed_kwh > tariff_step.from_kwh)
    AND (tariff_step.to_kwh IS NULL OR input.billed_kwh <= tariff_step.to_kwh)
  LEFT JOIN facts.power_factor_rate
    ON power_factor_rate.standard_points = input.standard_points
    AND input.power_factor_points >= power_factor_rate.from_points
    AND input.power_factor_points <= power_factor_rate.to_points
),

charged AS (
  SELECT
    lined.purpose,
    lined.bill_id,
    lined.account_id,
    lined.period,
    lined.tariff_code,
    lined.demand_basis,
    lined.metered_kwh,
    lined.loss_kwh,
    lined.billed_kwh,
    MONEY(lined.energy_amount) AS energy_amount,
    MONEY(lined.loss_iron_amount) AS loss_iron_amount,
    MONEY(lined.loss_iron_amount + lined.loss_copper_amount) AS loss_amount,
    MONEY(lined.capacity_amount) AS capacity_amount,
    MONEY(lined.demand_amount) AS demand_amount,
    lined.power_factor,
    lined.power_factor_percent,
    MONEY(lined.surcharge_amount) AS surcharge_amount,
    lined.energy_not_checked,
    lined.not_checked
  FROM lined
),

adjusted AS (
  SELECT
    charged.purpose,
    charged.bill_id,
    charged.account_id,
    charged.period,
    charged.tariff_code,
    charged.demand_basis,
    charged.metered_kwh,
    charged.loss_kwh,
    charged.billed_kwh,
    charged.energy_amount,
    charged.loss_iron_amount,
    charged.loss_amount,
    charged.capacity_amount,
    charged.demand_amount,
    charged.power_factor,
    MONEY(
      CAST(
        (
          charged.energy_amount + charged.loss_amount + charged.capacity_amount + charged.demand_amount
        ) AS DECIMAL(16, 2)
      )
      * CAST(charged.power_factor_percent AS DECIMAL(9, 4)) * CAST(0.01 AS DECIMAL(3, 2))
    ) AS power_factor_amount,
    charged.surcharge_amount,
    charged.energy_not_checked,
    charged.not_checked
  FROM charged
)

SELECT
  adjusted.purpose,
  adjusted.bill_id,
  adjusted.account_id,
  adjusted.period,
  adjusted.tariff_code,
  adjusted.demand_basis,
  CASE WHEN adjusted.energy_not_checked IS NULL THEN adjusted.metered_kwh END AS metered_kwh,
  CASE WHEN adjusted.not_checked IS NULL THEN adjusted.loss_kwh END AS loss_kwh,
  CASE WHEN adjusted.not_checked IS NULL THEN adjusted.billed_kwh END AS billed_kwh,
  CASE WHEN adjusted.not_checked IS NULL THEN adjusted.energy_amount END AS energy_amount,
  CASE WHEN adjusted.not_checked IS NULL THEN adjusted.loss_amount END AS loss_amount,
  CASE WHEN adjusted.not_checked IS NULL THEN adjusted.loss_iron_amount END AS loss_iron_amount,
  CASE WHEN adjusted.not_checked IS NULL THEN adjusted.capacity_amount END AS capacity_amount,
  CASE WHEN adjusted.not_checked IS NULL THEN adjusted.demand_amount END AS demand_amount,
  adjusted.power_factor,
  CASE WHEN adjusted.not_checked IS NULL THEN adjusted.power_factor_amount END AS power_factor_amount,
  CASE WHEN adjusted.not_checked IS NULL THEN adjusted.surcharge_amount END AS surcharge_amount,
  CASE
    WHEN adjusted.not_checked IS NULL
      THEN
        MONEY(
          adjusted.energy_amount
          + adjusted.loss_amount
          + adjusted.capacity_amount
          + adjusted.demand_amount
          + adjusted.power_factor_amount
          + adjusted.surcharge_amount
        )
  END AS total_amount,
  adjusted.energy_not_checked,
  adjusted.not_checked
FROM adjusted
