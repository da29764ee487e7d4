/*
grain: one row per composite segment, empty ones included
key: [segment]
purpose: 'What the customers of a segment have in common: size, value, energy, load, services, payment and trend.'
columns:
  segment: {type: string, doc: The segment.}
  segment_zh: {type: string, doc: Its name in Chinese.}
  description: {type: string, doc: Who is in it.}
  description_zh: {type: string, doc: The same in Chinese.}
  relationship_level: {type: string, doc: Recommended relationship.}
  relationship_level_zh: {type: string, doc: The same in Chinese.}
  treatment: {type: string, doc: What to do.}
  treatment_zh: {type: string, doc: The same in Chinese.}
  customers: {type: integer, doc: Customers in it.}
  customer_share: {type: double, doc: Share of all customers.}
  accounts: {type: integer, doc: Their live accounts.}
  kwh_12m: {type: double, doc: 'Their net billed energy of 12 periods, kWh.'}
  amount_12m: {type: decimal, doc: Their net billed amount of 12 periods.}
  current_value_amount: {type: decimal, doc: Their margin of 12 months.}
  potential_value_amount: {type: decimal, doc: Their potential value.}
  mean_value_score: {type: double, doc: Mean value score.}
  mean_credit: {type: double, doc: Mean credit of those with a live account.}
  on_time: {type: double, doc: Mean share of bills paid on time.}
  mean_days_late: {type: double, doc: Mean days late.}
  services_per_account: {type: double, doc: Services held over live accounts.}
  night_share: {type: double, doc: Mean night share of the largest accounts.}
  load_factor: {type: double, doc: Mean load factor of the largest accounts.}
  main_load_profile: {type: string, doc: Load profile that most of them have.}
  kwh_change: {type: double, doc: 'Half year of billed energy over the same a year before less 1, over accounts that have both.'}
  joined: {type: integer, doc: Customers that came into it tonight.}
  left_it: {type: integer, doc: Customers that left it tonight.}
*/
WITH member AS (
  SELECT
    customer_composite.customer_id,
    customer_composite.segment
  FROM segment.customer_composite
),

total AS (
  SELECT COUNT(*) AS customers FROM member
),

customer AS (
  SELECT
    member.segment,
    COUNT(*) AS customers,
    INTEGER_SUM(customer_base.live_accounts) AS accounts,
    DECIMAL_SUM(customer_base.kwh_12m) AS kwh_12m,
    MONEY(SUM(customer_base.amount_12m)) AS amount_12m,
    MONEY(SUM(customer_value.current_value_amount)) AS current_value_amount,
    MONEY(SUM(customer_value.potential_value_amount)) AS potential_value_amount,
    ROUND(RATIO(DECIMAL_SUM(customer_value.value_score), COUNT(customer_value.value_score)), 4)
      AS mean_value_score,
    ROUND(RATIO(DECIMAL_SUM(customer_value.credit), COUNT(customer_value.credit)), 6) AS mean_credit,
    ROUND(RATIO(DECIMAL_SUM(customer_behaviour.on_time), COUNT(customer_behaviour.on_time)), 6) AS on_time,
    ROUND(RATIO(DECIMAL_SUM(customer_behaviour.mean_days_late), COUNT(customer_behaviour.mean_days_late)), 4)
      AS mean_days_late,
    ROUND(RATIO(DECIMAL_SUM(account_shape.night_share), COUNT(account_shape.night_share)), 6) AS night_share,
    ROUND(RATIO(DECIMAL_SUM(account_shape.load_factor), COUNT(account_shape.load_factor)), 6) AS load_factor
  FROM member
  JOIN segment.customer_base ON customer_base.customer_id = member.customer_id
  JOIN segment.customer_value ON customer_value.customer_id = member.customer_id
  JOIN segment.customer_behaviour ON customer_behaviour.customer_id = member.customer_id
  LEFT JOIN segment.account_shape ON account_shape.account_id = customer_base.main_account_id
  GROUP BY member.segment
),

trend AS (
  SELECT
    member.segment,
    DECIMAL_SUM(account_year.kwh_half) AS now_kwh,
    DECIMAL_SUM(account_year.kwh_half_before) AS before_kwh
  FROM member
  JOIN core.live_account ON live_account.customer_id = member.customer_id
  JOIN segment.account_year ON account_year.account_id = live_account.account_id
  WHERE account_year.kwh_half IS NOT NULL AND account_year.kwh_half_before IS NOT NULL
  GROUP BY member.segment
),

service AS (
  SELECT
    member.segment,
    COUNT(*) AS services
  FROM member
  JOIN core.live_account ON live_account.customer_id = member.customer_id
  JOIN source.product_holding ON product_holding.account_id = live_account.account_id
  WHERE
    product_holding.since_on <= $as_of
    AND (product_holding.until_on IS NULL OR product_holding.until_on >= $as_of)
  GROUP BY member.segment
),

shape AS (
  SELECT
    member.segment,
    customer_cluster.segment AS load_profile,
    COUNT(*) AS customers
  FROM member
  JOIN segment.customer_cluster ON customer_cluster.customer_id = member.customer_id
  GROUP BY member.segment, customer_cluster.segment
  QUALIFY ROW_NUMBER() OVER (PARTITION BY member.segment ORDER BY COUNT(*) DESC, customer_cluster.segment) = 1
),

joined AS (
  SELECT
    segment_change.segment,
    COUNT(*) AS customers
  FROM segment.segment_change
  WHERE
    segment_change.method = 'composite'
    AND segment_change.from_segment IS NOT NULL
    AND segment_change.segment IS NOT NULL
  GROUP BY segment_change.segment
),

parted AS (
  SELECT
    segment_change.from_segment AS segment,
    COUNT(*) AS customers
  FROM segment.segment_change
  WHERE segment_change.method = 'composite' AND segment_change.from_segment IS NOT NULL
  GROUP BY segment_change.from_segment
),

named AS (
  SELECT segment_definition.segment FROM segment.segment_definition
  UNION
  SELECT member.segment FROM member
)

SELECT
  named.segment,
  segment_definition.segment_zh,
  segment_definition.description,
  segment_definition.description_zh,
  segment_definition.relationship_level,
  segment_definition.relationship_level_zh,
  segment_definition.treatment,
  segment_definition.treatment_zh,
  COALESCE(customer.customers, 0) AS customers,
  ROUND(RATIO(COALESCE(customer.customers, 0), total.customers), 6) AS customer_share,
  COALESCE(customer.accounts, 0) AS accounts,
  COALESCE(customer.kwh_12m, CAST(0 AS DOUBLE)) AS kwh_12m,
  MONEY(COALESCE(customer.amount_12m, 0)) AS amount_12m,
  MONEY(COALESCE(customer.current_value_amount, 0)) AS current_value_amount,
  MONEY(COALESCE(customer.potential_value_amount, 0)) AS potential_value_amount,
  customer.mean_value_score,
  customer.mean_credit,
  customer.on_time,
  customer.mean_days_late,
  ROUND(RATIO(COALESCE(service.services, 0), customer.accounts), 4) AS services_per_account,
  customer.night_share,
  customer.load_factor,
  shape.load_profile AS main_load_profile,
  ROUND(RATIO(trend.now_kwh, trend.before_kwh) - 1, 6) AS kwh_change,
  COALESCE(joined.customers, 0) AS joined,
  COALESCE(parted.customers, 0) AS left_it
FROM named
CROSS JOIN total
LEFT JOIN segment.segment_definition ON segment_definition.segment = named.segment
LEFT JOIN customer ON customer.segment = named.segment
LEFT JOIN trend ON trend.segment = named.segment
LEFT JOIN service ON service.segment = named.segment
LEFT JOIN shape ON shape.segment = named.segment
LEFT JOIN joined ON joined.segment = named.segment
LEFT JOIN parted ON parted.segment = named.segment
