/*
grain: one row a request of facts.price_request
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
  SELECT r.purpose,
         r.bill_id,
         r.account_id,
         r.period,
         r.tariff_code,
         r.demand_basis,
         r.metered_kwh,
         r.sharp_kwh,
         r.peak_kwh,
         r.flat_kwh,
         r.valley_kwh,
         r.main_active_kwh,
         r.reactive_kvarh,
         r.demand_kw,
         r.contract_demand_kw,
         r.mean_kva,
         r.iron_kwh,
         r.copper_kwh,
         r.iron_kwh + r.copper_kwh AS loss_kwh,
         r.metered_kwh + r.iron_kwh + r.copper_kwh AS billed_kwh,
         r.energy_not_checked,
         r.not_checked,
         t.is_stepped,
         t.is_time_of_use AND NOT t.is_stepped AS is_time_of_use,
         CASE WHEN t.is_two_part AND r.demand_basis <> 'none' THEN r.demand_basis END AS charged_basis,
         r.power_factor_standard IS NOT NULL AND NOT t.is_stepped AS has_power_factor,
         r.power_factor,
         CAST(ROUND(r.power_factor_standard * 100) AS BIGINT) AS standard_points,
         CAST(ROUND(r.power_factor * 100) AS BIGINT) AS power_factor_points,
         p.tariff_code IS NOT NULL AS has_rate,
         p.energy_price,
         p.sharp_price,
         p.peak_price,
         p.flat_price,
         p.valley_price,
         CASE WHEN t.is_time_of_use THEN p.flat_price ELSE p.energy_price END AS loss_price,
         p.capacity_price,
         p.demand_price,
         COALESCE(p.surcharge_price, 0) AS surcharge_price,
         r.period_end
  FROM facts.price_request AS r
  LEFT JOIN source.tariff AS t ON t.tariff_code = r.tariff_code
  LEFT JOIN facts.tariff_price AS p ON p.tariff_code = r.tariff_code AND p.on_day = r.period_end
),
lined AS (
  SELECT i.purpose,
         i.bill_id,
         i.account_id,
         i.period,
         i.tariff_code,
         i.demand_basis,
         i.metered_kwh,
         i.loss_kwh,
         i.billed_kwh,
         CASE WHEN i.is_stepped THEN s.below_amount + MONEY((i.billed_kwh - s.from_kwh) * s.unit_price)
              WHEN i.is_time_of_use
                THEN MONEY(COALESCE(i.sharp_kwh * i.sharp_price, 0))
                     + MONEY(COALESCE(i.peak_kwh * i.peak_price, 0))
                     + MONEY(COALESCE(i.flat_kwh * i.flat_price, 0))
                     + MONEY(COALESCE(i.valley_kwh * i.valley_price, 0))
              ELSE MONEY(i.metered_kwh * i.energy_price)
         END AS energy_amount,
         CASE WHEN i.is_stepped OR i.iron_kwh = 0 THEN 0 ELSE MONEY(i.iron_kwh * i.loss_price) END AS loss_iron_amount,
         CASE WHEN i.is_stepped OR i.copper_kwh = 0 THEN 0 ELSE MONEY(i.copper_kwh * i.loss_price) END AS loss_copper_amount,
         CASE WHEN i.charged_basis = 'capacity' THEN MONEY(i.mean_kva * i.capacity_price) ELSE 0 END AS capacity_amount,
         CASE WHEN i.charged_basis = 'actual_demand' THEN MONEY(i.demand_kw * i.demand_price)
              WHEN i.charged_basis = 'contract_demand'
                THEN MONEY(i.contract_demand_kw * i.demand_price)
                     + CASE WHEN i.demand_kw > 1.05 * i.contract_demand_kw
                            THEN MONEY(2 * i.demand_price * (i.demand_kw - 1.05 * i.contract_demand_kw))
                            ELSE 0 END
              ELSE 0
         END AS demand_amount,
         CASE WHEN i.has_power_factor THEN i.power_factor END AS power_factor,
         CASE WHEN NOT i.has_power_factor OR COALESCE(i.main_active_kwh, 0) <= 0 THEN 0
              ELSE CAST(f.base_percent + f.percent_per_point * (f.base_points - i.power_factor_points) AS DECIMAL(9, 4)) END AS power_factor_percent,
         MONEY(i.billed_kwh * i.surcharge_price) AS surcharge_amount,
         i.energy_not_checked,
         CASE WHEN i.not_checked IS NOT NULL THEN i.not_checked
              WHEN NOT i.has_rate THEN 'no_rate'
              WHEN i.is_stepped AND s.unit_price IS NULL THEN 'no_price'
              WHEN i.is_time_of_use AND i.sharp_kwh IS NULL AND i.peak_kwh IS NULL AND i.flat_kwh IS NULL AND i.valley_kwh IS NULL
                THEN 'no_time_of_use_reading'
              WHEN i.is_time_of_use
                   AND ((i.sharp_kwh <> 0 AND i.sharp_price IS NULL) OR (i.peak_kwh <> 0 AND i.peak_price IS NULL)
                        OR (i.flat_kwh <> 0 AND i.flat_price IS NULL) OR (i.valley_kwh <> 0 AND i.valley_price IS NULL))
                THEN 'no_price'
              WHEN NOT i.is_stepped AND NOT i.is_time_of_use AND i.energy_price IS NULL THEN 'no_price'
              WHEN NOT i.is_stepped AND i.loss_kwh <> 0 AND i.loss_price IS NULL THEN 'no_price'
              WHEN i.charged_basis = 'capacity' AND i.capacity_price IS NULL THEN 'no_price'
              WHEN i.charged_basis IN ('actual_demand', 'contract_demand') AND i.demand_price IS NULL THEN 'no_price'
              WHEN i.charged_basis = 'contract_demand' AND i.contract_demand_kw IS NULL THEN 'contract_demand_missing'
              WHEN i.charged_basis IN ('actual_demand', 'contract_demand') AND i.demand_kw IS NULL THEN 'no_demand_reading'
              WHEN i.has_power_factor AND i.main_active_kwh > 0 AND i.reactive_kvarh IS NULL THEN 'no_reactive_reading'
              WHEN i.has_power_factor AND i.main_active_kwh > 0 AND f.base_percent IS NULL THEN 'power_factor_rate_missing'
         END AS not_checked
  FROM input AS i
  LEFT JOIN facts.tariff_step AS s
    ON i.is_stepped
   AND s.tariff_code = i.tariff_code
   AND s.on_day = i.period_end
   AND (s.is_first OR i.billed_kwh > s.from_kwh)
   AND (s.to_kwh IS NULL OR i.billed_kwh <= s.to_kwh)
  LEFT JOIN facts.power_factor_rate AS f
    ON f.standard_points = i.standard_points AND i.power_factor_points >= f.from_points AND i.power_factor_points <= f.to_points
),
charged AS (
  SELECT l.purpose,
         l.bill_id,
         l.account_id,
         l.period,
         l.tariff_code,
         l.demand_basis,
         l.metered_kwh,
         l.loss_kwh,
         l.billed_kwh,
         MONEY(l.energy_amount) AS energy_amount,
         MONEY(l.loss_iron_amount) AS loss_iron_amount,
         MONEY(l.loss_iron_amount + l.loss_copper_amount) AS loss_amount,
         MONEY(l.capacity_amount) AS capacity_amount,
         MONEY(l.demand_amount) AS demand_amount,
         l.power_factor,
         l.power_factor_percent,
         MONEY(l.surcharge_amount) AS surcharge_amount,
         l.energy_not_checked,
         l.not_checked
  FROM lined AS l
),
adjusted AS (
  SELECT c.purpose,
         c.bill_id,
         c.account_id,
         c.period,
         c.tariff_code,
         c.demand_basis,
         c.metered_kwh,
         c.loss_kwh,
         c.billed_kwh,
         c.energy_amount,
         c.loss_iron_amount,
         c.loss_amount,
         c.capacity_amount,
         c.demand_amount,
         c.power_factor,
         MONEY(CAST((c.energy_amount + c.loss_amount + c.capacity_amount + c.demand_amount) AS DECIMAL(16, 2))
                    * CAST(c.power_factor_percent AS DECIMAL(9, 4)) * CAST(0.01 AS DECIMAL(3, 2))) AS power_factor_amount,
         c.surcharge_amount,
         c.energy_not_checked,
         c.not_checked
  FROM charged AS c
)
SELECT a.purpose,
       a.bill_id,
       a.account_id,
       a.period,
       a.tariff_code,
       a.demand_basis,
       CASE WHEN a.energy_not_checked IS NULL THEN a.metered_kwh END AS metered_kwh,
       CASE WHEN a.not_checked IS NULL THEN a.loss_kwh END AS loss_kwh,
       CASE WHEN a.not_checked IS NULL THEN a.billed_kwh END AS billed_kwh,
       CASE WHEN a.not_checked IS NULL THEN a.energy_amount END AS energy_amount,
       CASE WHEN a.not_checked IS NULL THEN a.loss_amount END AS loss_amount,
       CASE WHEN a.not_checked IS NULL THEN a.loss_iron_amount END AS loss_iron_amount,
       CASE WHEN a.not_checked IS NULL THEN a.capacity_amount END AS capacity_amount,
       CASE WHEN a.not_checked IS NULL THEN a.demand_amount END AS demand_amount,
       a.power_factor,
       CASE WHEN a.not_checked IS NULL THEN a.power_factor_amount END AS power_factor_amount,
       CASE WHEN a.not_checked IS NULL THEN a.surcharge_amount END AS surcharge_amount,
       CASE WHEN a.not_checked IS NULL
            THEN MONEY(a.energy_amount + a.loss_amount + a.capacity_amount + a.demand_amount + a.power_factor_amount + a.surcharge_amount)
       END AS total_amount,
       a.energy_not_checked,
       a.not_checked
FROM adjusted AS a
