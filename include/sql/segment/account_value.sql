/*
grain: one row a live account
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
  SELECT b.account_id,
         COUNT(*) AS lines,
         SUM(CASE WHEN p.component IS NOT NULL THEN l.amount
                  WHEN u.unit_cost IS NOT NULL
                  THEN CAST(CAST(COALESCE(l.quantity, CAST(0 AS DOUBLE)) AS DECIMAL(18,3)) * CAST(u.unit_cost AS DECIMAL(10,4)) AS DECIMAL(28,8))
                  ELSE 0 END) AS cost
  FROM source.bill AS b
  JOIN source.bill_line AS l ON l.bill_id = b.bill_id
  LEFT JOIN param.unit_cost AS u ON u.component = l.component
  LEFT JOIN param.passed_on AS p ON p.component = l.component
  WHERE b.period BETWEEN ADD_MONTHS($period, -11) AND $period
  GROUP BY b.account_id
),
flat_cost AS (
  SELECT MAX(u.unit_cost) AS unit_cost FROM param.unit_cost AS u WHERE u.component = 'energy'
),
asked AS (
  SELECT o.account_id, SUM(CAST(o.requested_kva AS DECIMAL(18,3))) AS kva
  FROM core.open_application AS o
  WHERE o.kind = 'increase'
  GROUP BY o.account_id
),
service AS (
  SELECT a.account_id, SUM(CAST(v.yearly_amount * v.take_up AS DECIMAL(18,4))) AS amount
  FROM core.live_account AS a
  JOIN param.service_value AS v ON v.usage_category = a.usage_category
  LEFT JOIN source.product_holding AS h ON h.account_id = a.account_id AND h.product_code = v.product_code
       AND h.since_on <= $as_of AND (h.until_on IS NULL OR h.until_on >= $as_of)
  WHERE h.account_id IS NULL
  GROUP BY a.account_id
),
measured AS (
  SELECT a.account_id,
         a.customer_id,
         y.amount_12m AS revenue_amount,
         MONEY(CASE WHEN l.lines > 0 THEN CAST(l.cost AS DECIMAL(28,8))
                         ELSE CAST(y.kwh_12m * f.unit_cost AS DECIMAL(28,8)) END) AS energy_cost_amount,
         MONEY(y.months_billed * CAST($month_cost AS DOUBLE) + y.calls * CAST($call_cost AS DOUBLE)
                         + y.counter_payments * CAST($counter_cost AS DOUBLE)) AS serve_cost_amount,
         MONEY(GREATEST(COALESCE(y.kwh_half - y.kwh_half_before, CAST(0 AS DOUBLE)), CAST(0 AS DOUBLE)) * 2
                         * CAST($margin_per_kwh AS DOUBLE)) AS growth_amount,
         MONEY(GREATEST(COALESCE(a.contracted_kva, CAST(0 AS DOUBLE)) * 8760 * CAST($load_factor AS DOUBLE) - y.kwh_12m, CAST(0 AS DOUBLE))
                         * CAST($unlock_share AS DOUBLE) * CAST($margin_per_kwh AS DOUBLE)) AS capacity_amount,
         MONEY(COALESCE(CAST(k.kva AS DOUBLE), CAST(0 AS DOUBLE)) * 8760 * CAST($load_factor AS DOUBLE)
                         * CAST($margin_per_kwh AS DOUBLE)) AS increase_amount,
         MONEY(GREATEST(y.kwh_12m, CAST(0 AS DOUBLE)) * COALESCE(g.growth, CAST(0 AS DOUBLE)) * CAST($margin_per_kwh AS DOUBLE)) AS industry_amount,
         MONEY(COALESCE(s.amount, 0)) AS service_amount
  FROM core.live_account AS a
  JOIN segment.account_year AS y ON y.account_id = a.account_id
  CROSS JOIN flat_cost AS f
  LEFT JOIN source.customer AS c ON c.customer_id = a.customer_id
  LEFT JOIN line_cost AS l ON l.account_id = a.account_id
  LEFT JOIN asked AS k ON k.account_id = a.account_id
  LEFT JOIN service AS s ON s.account_id = a.account_id
  LEFT JOIN param.industry_growth AS g ON g.industry = SUBSTRING(COALESCE(a.industry_code, c.industry_code), 1, 1)
)
SELECT m.account_id,
       m.customer_id,
       m.revenue_amount,
       m.energy_cost_amount,
       m.serve_cost_amount,
       MONEY(m.revenue_amount - m.energy_cost_amount - m.serve_cost_amount) AS current_value_amount,
       m.growth_amount,
       m.capacity_amount,
       m.increase_amount,
       m.industry_amount,
       m.service_amount,
       MONEY(m.growth_amount + m.capacity_amount + m.increase_amount + m.industry_amount + m.service_amount)
         AS potential_value_amount
FROM measured AS m
