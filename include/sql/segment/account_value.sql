/*
grain: one row per live account
key: [account_id]
purpose: >-
  What an account is worth in a year: the margin of the last 12 months, and the amount that could be won.
  The prices are the utility's own to set; the defaults only give an order.
columns:
  account_id: {type: string, doc: The supply account.}
  customer_id: {type: string, doc: Who holds it.}
  revenue_amount: {type: decimal, doc: Net billed amount of 12 periods.}
  energy_cost_amount: {type: decimal, doc: 'Energy bought for it, by tariff component; without bill lines billed kWh at the price of energy.'}
  serve_cost_amount: {type: decimal, doc: 'Cost to serve: reading and billing by month, calls, payments at the counter.'}
  current_value_amount: {type: decimal, doc: Revenue less both costs.}
  growth_amount: {type: decimal, doc: 'Growth trend: the last half year''s growth over the year before, carried on for a year.'}
  capacity_amount: {type: decimal, doc: Share unlock_share of the energy that the unused capacity would carry.}
  increase_amount: {type: decimal, doc: Energy of the capacity asked for in open increase orders.}
  industry_amount: {type: decimal, doc: Energy of 12 months times the growth of the industry.}
  service_amount: {type: decimal, doc: Expected yearly amount of services not yet held.}
  potential_value_amount: {type: decimal, doc: Sum of the five.}
params:
  unit_cost:
    type: map
    columns: {component: string, unit_cost: double}
    default: {energy: 0.40, energy_sharp: 0.62, energy_peak: 0.55, energy_flat: 0.40, energy_valley: 0.22, loss_iron: 0.40, loss_copper: 0.40}
    doc: Purchase price of a kWh by component, currency per kWh.
  passed_on: {type: list, columns: {component: string}, default: [surcharge], doc: Components that are passed on whole and leave no margin.}
  month_cost: {type: number, default: 2.5, minimum: 0, doc: Cost of reading and billing a month.}
  call_cost: {type: number, default: 12, minimum: 0, doc: Cost of a call.}
  counter_cost: {type: number, default: 4, minimum: 0, doc: Cost of a payment at the counter.}
  margin_per_kwh: {type: number, default: 0.08, minimum: 0, maximum: 10, doc: 'Margin of an additional kWh, currency.'}
  load_factor: {type: number, default: 0.30, minimum: 0, maximum: 1, doc: Load factor at which additional capacity is used.}
  unlock_share: {type: number, default: 0.10, minimum: 0, maximum: 1, doc: Share of the unused capacity's energy that could be won.}
  industry_growth:
    type: map
    columns: {industry: string, growth: double}
    default: {C: 0.03, D: 0.02, F: 0.03, G: 0.05, I: 0.08, M: 0.06}
    doc: Yearly growth by the letter of the industry code; 0 for the others.
  service_value:
    type: rows
    columns: {product_code: string, usage_category: string, yearly_amount: double, take_up: double}
    default:
      - [green_power, commercial, 400, 0.05]
      - [green_power, large_industrial, 8000, 0.08]
      - [ev_charging, residential, 300, 0.04]
      - [ev_charging, commercial, 900, 0.05]
      - [energy_audit, general_industrial, 1200, 0.06]
      - [energy_audit, large_industrial, 6000, 0.10]
      - [storage_cooling, commercial, 1500, 0.03]
      - [interruptible_load, large_industrial, 9000, 0.05]
    doc: Services an account of a usage category could take up, their yearly amount and the share that does.
*/
WITH line_cost AS (
  SELECT
    bill.account_id,
    COUNT(*) AS lines,
    SUM(CASE
      WHEN passed_on.component IS NOT NULL THEN bill_line.amount
      WHEN unit_cost.unit_cost IS NOT NULL
        THEN
          CAST(
            CAST(COALESCE(bill_line.quantity, CAST(0 AS DOUBLE)) AS DECIMAL(18, 3))
            * CAST(unit_cost.unit_cost AS DECIMAL(10, 4)) AS DECIMAL(28, 8)
          )
      ELSE 0
    END) AS cost
  FROM source.bill
  JOIN source.bill_line ON bill_line.bill_id = bill.bill_id
  LEFT JOIN param.unit_cost ON unit_cost.component = bill_line.component
  LEFT JOIN param.passed_on ON passed_on.component = bill_line.component
  WHERE bill.period BETWEEN ADD_MONTHS($period, -11) AND $period
  GROUP BY bill.account_id
),

flat_cost AS (
  SELECT MAX(unit_cost.unit_cost) AS unit_cost FROM param.unit_cost WHERE unit_cost.component = 'energy'
),

asked AS (
  SELECT
    open_application.account_id,
    SUM(CAST(open_application.requested_kva AS DECIMAL(18, 3))) AS kva
  FROM core.open_application
  WHERE open_application.kind = 'increase'
  GROUP BY open_application.account_id
),

service AS (
  SELECT
    live_account.account_id,
    SUM(CAST(service_value.yearly_amount * service_value.take_up AS DECIMAL(18, 4))) AS amount
  FROM core.live_account
  JOIN param.service_value ON service_value.usage_category = live_account.usage_category
  LEFT JOIN source.product_holding
    ON product_holding.account_id = live_account.account_id
    AND product_holding.product_code = service_value.product_code
    AND product_holding.since_on <= $as_of
    AND (product_holding.until_on IS NULL OR product_holding.until_on >= $as_of)
  WHERE product_holding.account_id IS NULL
  GROUP BY live_account.account_id
),

measured AS (
  SELECT
    live_account.account_id,
    live_account.customer_id,
    account_year.amount_12m AS revenue_amount,
    MONEY(CASE
      WHEN line_cost.lines > 0 THEN CAST(line_cost.cost AS DECIMAL(28, 8))
      ELSE CAST(account_year.kwh_12m * flat_cost.unit_cost AS DECIMAL(28, 8))
    END) AS energy_cost_amount,
    MONEY(
      account_year.months_billed * CAST($month_cost AS DOUBLE)
      + account_year.calls * CAST($call_cost AS DOUBLE)
      + account_year.counter_payments * CAST($counter_cost AS DOUBLE)
    ) AS serve_cost_amount,
    MONEY(
      GREATEST(
        COALESCE(account_year.kwh_half - account_year.kwh_half_before, CAST(0 AS DOUBLE)), CAST(0 AS DOUBLE)
      )
      * 2
      * CAST($margin_per_kwh AS DOUBLE)
    ) AS growth_amount,
    MONEY(
      GREATEST(
        COALESCE(live_account.contracted_kva, CAST(0 AS DOUBLE)) * 8760 * CAST($load_factor AS DOUBLE)
        - account_year.kwh_12m,
        CAST(0 AS DOUBLE)
      )
      * CAST($unlock_share AS DOUBLE) * CAST($margin_per_kwh AS DOUBLE)
    ) AS capacity_amount,
    MONEY(
      COALESCE(CAST(asked.kva AS DOUBLE), CAST(0 AS DOUBLE)) * 8760 * CAST($load_factor AS DOUBLE)
      * CAST($margin_per_kwh AS DOUBLE)
    ) AS increase_amount,
    MONEY(
      GREATEST(account_year.kwh_12m, CAST(0 AS DOUBLE))
      * COALESCE(industry_growth.growth, CAST(0 AS DOUBLE))
      * CAST($margin_per_kwh AS DOUBLE)
    ) AS industry_amount,
    MONEY(COALESCE(service.amount, 0)) AS service_amount
  FROM core.live_account
  JOIN segment.account_year ON account_year.account_id = live_account.account_id
  CROSS JOIN flat_cost
  LEFT JOIN source.customer ON customer.customer_id = live_account.customer_id
  LEFT JOIN line_cost ON line_cost.account_id = live_account.account_id
  LEFT JOIN asked ON asked.account_id = live_account.account_id
  LEFT JOIN service ON service.account_id = live_account.account_id
  LEFT JOIN param.industry_growth
    ON industry_growth.industry
    = SUBSTRING(COALESCE(live_account.industry_code, customer.industry_code), 1, 1)
)

SELECT
  measured.account_id,
  measured.customer_id,
  measured.revenue_amount,
  measured.energy_cost_amount,
  measured.serve_cost_amount,
  MONEY(measured.revenue_amount - measured.energy_cost_amount - measured.serve_cost_amount)
    AS current_value_amount,
  measured.growth_amount,
  measured.capacity_amount,
  measured.increase_amount,
  measured.industry_amount,
  measured.service_amount,
  MONEY(
    measured.growth_amount
    + measured.capacity_amount
    + measured.increase_amount
    + measured.industry_amount
    + measured.service_amount
  )
    AS potential_value_amount
FROM measured
