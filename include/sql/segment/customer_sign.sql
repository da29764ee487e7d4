/*
grain: one row per customer
key: [customer_id]
purpose: >-
  What shows that a customer will need more, or is going: facts of its live accounts, none of them a model's. The one
  definition of a customer's trend.
columns:
  customer_id: {type: string, doc: The customer.}
  kwh_change: {type: double, doc: 'Growth over 12 months: energy of 12 periods over the 12 before less 1, over the accounts billed in all 24; where none is, 6 periods over the same 6 a year before; empty without either.'}
  trend: {type: string, doc: 'growing from growth_share on, falling from falling_share down on, else steady; empty where the change is.'}
  use_share: {type: double, doc: 'Highest use of capacity of an account: highest demand of 12 months over contracted capacity, where no demand was read the highest interval of P.'}
  has_increase_order: {type: boolean, doc: An order for more capacity is open.}
  has_new_equipment: {type: boolean, doc: 'A transformer of its own was commissioned, or equipment that takes energy tested, within equipment_months; or an account took up a service that needs energy. What came with the connection does not count.'}
  has_closing_order: {type: boolean, doc: An order to close or to move is open.}
  sign: {type: string, doc: 'The signs of growth in words, parted by semicolons; empty where there is none.'}
  sign_zh: {type: string, doc: The same in Chinese.}
params:
  growth_share: {type: number, default: 0.20, minimum: 0, maximum: 10, doc: Growth over 12 months from which on it is a sign.}
  falling_share: {type: number, default: 0.20, minimum: 0, maximum: 1, doc: Fall over 12 months from which on a customer is falling.}
  near_capacity_share: {type: number, default: 0.85, minimum: 0, maximum: 2, doc: Use of the capacity from which on it is a sign.}
  equipment_months: {type: integer, default: 12, minimum: 1, maximum: 60, doc: Equipment is new for so many months.}
  equipment_kinds: {type: list, columns: {kind: string}, default: [motor, furnace, harmonic_source, other], doc: Equipment that takes energy; others are tested again and again.}
  equipment_services: {type: list, columns: {product_code: string}, default: [ev_charging, storage_cooling], doc: Services that come with equipment that takes energy.}
*/
WITH energy AS (
  SELECT
    live_account.customer_id,
    DECIMAL_SUM(account_year.kwh_12m) FILTER (WHERE account_year.kwh_12m_before IS NOT NULL) AS year_kwh,
    DECIMAL_SUM(account_year.kwh_12m_before) AS year_before_kwh,
    DECIMAL_SUM(account_year.kwh_half) FILTER (WHERE account_year.kwh_half_before IS NOT NULL) AS half_kwh,
    DECIMAL_SUM(account_year.kwh_half_before) FILTER (WHERE account_year.kwh_half IS NOT NULL)
      AS half_before_kwh
  FROM core.live_account
  JOIN segment.account_year ON account_year.account_id = live_account.account_id
  GROUP BY live_account.customer_id
),

demand AS (
  SELECT
    account_energy.account_id,
    MAX(account_energy.demand_kw) AS kw
  FROM facts.account_energy
  GROUP BY account_energy.account_id
),

peak AS (
  SELECT
    metering_point.account_id,
    MAX(interval_period.max_kw) AS kw
  FROM facts.interval_period
  JOIN source.metering_point ON metering_point.metering_point_id = interval_period.metering_point_id
  WHERE metering_point.role = 'main'
  GROUP BY metering_point.account_id
),

used AS (
  SELECT
    live_account.customer_id,
    MAX(ROUND(RATIO(COALESCE(demand.kw, peak.kw), live_account.contracted_kva), 6)) AS use_share
  FROM core.live_account
  LEFT JOIN demand ON demand.account_id = live_account.account_id
  LEFT JOIN peak ON peak.account_id = live_account.account_id
  WHERE live_account.contracted_kva > 0
  GROUP BY live_account.customer_id
),

asked AS (
  SELECT DISTINCT live_account.customer_id
  FROM core.live_account
  JOIN core.open_application ON open_application.account_id = live_account.account_id
  WHERE open_application.kind = 'increase'
),

closing AS (
  SELECT DISTINCT live_account.customer_id
  FROM core.live_account
  JOIN source.service_order ON service_order.account_id = live_account.account_id
  WHERE
    service_order.kind IN ('close', 'move_premises')
    AND service_order.closed_at IS NULL
    AND (service_order.outcome IS NULL OR service_order.outcome NOT IN ('withdrawn', 'rejected'))
),

bought AS (
  SELECT
    transformer.account_id,
    transformer.commissioned_on AS new_on
  FROM source.transformer
  WHERE
    transformer.commissioned_on > ADD_MONTHS($as_of, -$equipment_months)
    AND transformer.commissioned_on <= $as_of
    AND (transformer.retired_on IS NULL OR transformer.retired_on > $as_of)
  UNION ALL
  SELECT
    customer_equipment.account_id,
    customer_equipment.tested_on AS new_on
  FROM source.customer_equipment
  JOIN param.equipment_kinds ON equipment_kinds.kind = customer_equipment.kind
  WHERE
    customer_equipment.tested_on > ADD_MONTHS($as_of, -$equipment_months)
    AND customer_equipment.tested_on <= $as_of
  UNION ALL
  SELECT
    product_holding.account_id,
    product_holding.since_on AS new_on
  FROM source.product_holding
  JOIN param.equipment_services ON equipment_services.product_code = product_holding.product_code
  WHERE
    product_holding.since_on > ADD_MONTHS($as_of, -$equipment_months)
    AND product_holding.since_on <= $as_of
    AND (product_holding.until_on IS NULL OR product_holding.until_on >= $as_of)
),

equipped AS (
  SELECT DISTINCT live_account.customer_id
  FROM core.live_account
  -- What came with the connection is no sign of growth.
  JOIN bought ON bought.account_id = live_account.account_id AND bought.new_on > live_account.opened_on
),

measured AS (
  SELECT
    customer_base.customer_id,
    ROUND(
      CASE
        WHEN energy.year_before_kwh > 0 THEN RATIO(energy.year_kwh, energy.year_before_kwh)
        WHEN
          energy.year_before_kwh IS NULL AND energy.half_before_kwh > 0
          THEN RATIO(energy.half_kwh, energy.half_before_kwh)
      END - 1, 6
    ) AS kwh_change,
    used.use_share,
    asked.customer_id IS NOT NULL AS has_increase_order,
    equipped.customer_id IS NOT NULL AS has_new_equipment,
    closing.customer_id IS NOT NULL AS has_closing_order
  FROM segment.customer_base
  LEFT JOIN energy ON energy.customer_id = customer_base.customer_id
  LEFT JOIN used ON used.customer_id = customer_base.customer_id
  LEFT JOIN asked ON asked.customer_id = customer_base.customer_id
  LEFT JOIN equipped ON equipped.customer_id = customer_base.customer_id
  LEFT JOIN closing ON closing.customer_id = customer_base.customer_id
),

told AS (
  SELECT
    measured.*,
    measured.kwh_change >= ROUND(CAST($growth_share AS DOUBLE), 6) AS is_growing,
    measured.use_share >= ROUND(CAST($near_capacity_share AS DOUBLE), 6) AS is_near_capacity,
    CAST(HALF_UP(100 * measured.kwh_change, 1) AS VARCHAR) AS growth_percent,
    CAST(HALF_UP(100 * measured.use_share, 1) AS VARCHAR) AS use_percent
  FROM measured
)

SELECT
  told.customer_id,
  told.kwh_change,
  CASE
    WHEN told.is_growing THEN 'growing'
    WHEN told.kwh_change <= -ROUND(CAST($falling_share AS DOUBLE), 6) THEN 'falling'
    WHEN told.kwh_change IS NOT NULL THEN 'steady'
  END AS trend,
  told.use_share,
  told.has_increase_order,
  told.has_new_equipment,
  told.has_closing_order,
  NULLIF(
    CONCAT_WS(
      '; ',
      CASE WHEN told.has_increase_order THEN 'an order for more capacity is open' END,
      CASE WHEN told.is_growing THEN CONCAT('energy grew by ', told.growth_percent, '% over 12 months') END,
      CASE WHEN told.is_near_capacity THEN CONCAT('uses ', told.use_percent, '% of its capacity') END,
      CASE WHEN told.has_new_equipment THEN 'has new equipment' END
    ), ''
  ) AS sign,
  NULLIF(
    CONCAT_WS(
      '；',
      CASE WHEN told.has_increase_order THEN '有在途增容工单' END,
      CASE WHEN told.is_growing THEN CONCAT('12 个月用电量增长 ', told.growth_percent, '%') END,
      CASE WHEN told.is_near_capacity THEN CONCAT('容量利用率 ', told.use_percent, '%') END,
      CASE WHEN told.has_new_equipment THEN '有新增设备' END
    ), ''
  ) AS sign_zh
FROM told
