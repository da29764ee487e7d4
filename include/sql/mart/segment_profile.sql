/*
grain: one row a composite segment, empty ones included
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
  SELECT p.customer_id, p.segment FROM segment.customer_composite AS p
),
total AS (
  SELECT COUNT(*) AS customers FROM member AS m
),
customer AS (
  SELECT m.segment,
         COUNT(*) AS customers,
         INTEGER_SUM(b.live_accounts) AS accounts,
         DECIMAL_SUM(b.kwh_12m) AS kwh_12m,
         MONEY(SUM(b.amount_12m)) AS amount_12m,
         MONEY(SUM(v.current_value_amount)) AS current_value_amount,
         MONEY(SUM(v.potential_value_amount)) AS potential_value_amount,
         ROUND(RATIO(DECIMAL_SUM(v.value_score), COUNT(v.value_score)), 4) AS mean_value_score,
         ROUND(RATIO(DECIMAL_SUM(v.credit), COUNT(v.credit)), 6) AS mean_credit,
         ROUND(RATIO(DECIMAL_SUM(h.on_time), COUNT(h.on_time)), 6) AS on_time,
         ROUND(RATIO(DECIMAL_SUM(h.mean_days_late), COUNT(h.mean_days_late)), 4) AS mean_days_late,
         ROUND(RATIO(DECIMAL_SUM(s.night_share), COUNT(s.night_share)), 6) AS night_share,
         ROUND(RATIO(DECIMAL_SUM(s.load_factor), COUNT(s.load_factor)), 6) AS load_factor
  FROM member AS m
  JOIN segment.customer_base AS b ON b.customer_id = m.customer_id
  JOIN segment.customer_value AS v ON v.customer_id = m.customer_id
  JOIN segment.customer_behaviour AS h ON h.customer_id = m.customer_id
  LEFT JOIN segment.account_shape AS s ON s.account_id = b.main_account_id
  GROUP BY m.segment
),
trend AS (
  SELECT m.segment,
         DECIMAL_SUM(y.kwh_half) AS now_kwh,
         DECIMAL_SUM(y.kwh_half_before) AS before_kwh
  FROM member AS m
  JOIN core.live_account AS a ON a.customer_id = m.customer_id
  JOIN segment.account_year AS y ON y.account_id = a.account_id
  WHERE y.kwh_half IS NOT NULL AND y.kwh_half_before IS NOT NULL
  GROUP BY m.segment
),
service AS (
  SELECT m.segment, COUNT(*) AS services
  FROM member AS m
  JOIN core.live_account AS a ON a.customer_id = m.customer_id
  JOIN source.product_holding AS h ON h.account_id = a.account_id
  WHERE h.since_on <= $as_of AND (h.until_on IS NULL OR h.until_on >= $as_of)
  GROUP BY m.segment
),
shape AS (
  SELECT m.segment, c.segment AS load_profile, COUNT(*) AS customers
  FROM member AS m
  JOIN segment.customer_cluster AS c ON c.customer_id = m.customer_id
  GROUP BY m.segment, c.segment
  QUALIFY ROW_NUMBER() OVER (PARTITION BY m.segment ORDER BY COUNT(*) DESC, c.segment) = 1
),
joined AS (
  SELECT c.segment, COUNT(*) AS customers FROM segment.segment_change AS c
  WHERE c.method = 'composite' AND c.from_segment IS NOT NULL AND c.segment IS NOT NULL GROUP BY c.segment
),
parted AS (
  SELECT c.from_segment AS segment, COUNT(*) AS customers FROM segment.segment_change AS c
  WHERE c.method = 'composite' AND c.from_segment IS NOT NULL GROUP BY c.from_segment
),
named AS (
  SELECT d.segment FROM segment.segment_definition AS d
  UNION
  SELECT m.segment FROM member AS m
)
SELECT n.segment,
       d.segment_zh,
       d.description,
       d.description_zh,
       d.relationship_level,
       d.relationship_level_zh,
       d.treatment,
       d.treatment_zh,
       COALESCE(c.customers, 0) AS customers,
       ROUND(RATIO(COALESCE(c.customers, 0), t.customers), 6) AS customer_share,
       COALESCE(c.accounts, 0) AS accounts,
       COALESCE(c.kwh_12m, CAST(0 AS DOUBLE)) AS kwh_12m,
       MONEY(COALESCE(c.amount_12m, 0)) AS amount_12m,
       MONEY(COALESCE(c.current_value_amount, 0)) AS current_value_amount,
       MONEY(COALESCE(c.potential_value_amount, 0)) AS potential_value_amount,
       c.mean_value_score,
       c.mean_credit,
       c.on_time,
       c.mean_days_late,
       ROUND(RATIO(COALESCE(s.services, 0), c.accounts), 4) AS services_per_account,
       c.night_share,
       c.load_factor,
       h.load_profile AS main_load_profile,
       ROUND(RATIO(r.now_kwh, r.before_kwh) - 1, 6) AS kwh_change,
       COALESCE(j.customers, 0) AS joined,
       COALESCE(p.customers, 0) AS left_it
FROM named AS n
CROSS JOIN total AS t
LEFT JOIN segment.segment_definition AS d ON d.segment = n.segment
LEFT JOIN customer AS c ON c.segment = n.segment
LEFT JOIN trend AS r ON r.segment = n.segment
LEFT JOIN service AS s ON s.segment = n.segment
LEFT JOIN shape AS h ON h.segment = n.segment
LEFT JOIN joined AS j ON j.segment = n.segment
LEFT JOIN parted AS p ON p.segment = n.segment
