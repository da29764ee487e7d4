/*
grain: one row a customer
key: [customer_id]
purpose: >-
  Behaviour classification: recency, frequency and monetary value of payments as a utility knows them,
  seasonality, and the use of night and weekend.
columns:
  customer_id: {type: string, doc: The customer.}
  recency: {type: integer, doc: '3 the newest bill of each live account was settled by its due date, 2 up to late_days after, 1 later or open; empty without a bill due.'}
  frequency: {type: integer, doc: '3 from often, 2 from sometimes of the bills paid early or of the payments made by bank debit, else 1; empty without a bill due.'}
  monetary: {type: integer, doc: '3 from high_amount, 2 from middle_amount billed in 12 months, else 1.'}
  payer: {type: string, doc: 'automatic (by bank debit), prompt, late, troubled, or unknown without a bill due.'}
  last_paid_after_days: {type: integer, doc: 'Days from the due date of the newest bill to its settlement, of the slowest live account; negative when early.'}
  early_share: {type: double, doc: Share of the bills due in the year that were paid early.}
  debit_share: {type: double, doc: Share of the payments of the year that were made by bank debit.}
  season: {type: string, doc: 'summer, winter, both or even, by mean kWh of June to August and of December to February over the year''s; even without 12 months.'}
  time_of_use: {type: string, doc: 'night, weekend, day or unknown, of the largest live account.'}
  summer_ratio: {type: double, doc: 'Mean kWh of June to August over the year''s; empty without 12 months.'}
  winter_ratio: {type: double, doc: 'The same of December to February.'}
  night_share: {type: double, doc: Of the largest live account.}
  weekend_share: {type: double, doc: Of the largest live account.}
  load_factor: {type: double, doc: Of the largest live account.}
  segment: {type: string, doc: 'payer, season and time of use, parted by slashes.'}
params:
  late_days: {type: integer, default: 15, minimum: 1, maximum: 180, doc: Days after the due date that recency 2 allows.}
  often: {type: number, default: 0.8, minimum: 0, maximum: 1, doc: Share that makes frequency 3.}
  sometimes: {type: number, default: 0.3, minimum: 0, maximum: 1, doc: Share that makes frequency 2.}
  middle_amount: {type: number, default: 2000, minimum: 0, doc: Amount of 12 months that makes monetary 2.}
  high_amount: {type: number, default: 50000, minimum: 0, doc: Amount of 12 months that makes monetary 3.}
  season_ratio: {type: number, default: 1.25, minimum: 1, maximum: 5, doc: A season's mean this much above the year's is seasonal.}
  night_share: {type: number, default: 0.38, minimum: 0, maximum: 1, doc: Share of night energy that makes night.}
  weekend_share: {type: number, default: 0.33, minimum: 0, maximum: 1, doc: Share of weekend energy that makes weekend.}
*/
WITH year AS (
  SELECT a.customer_id,
         INTEGER_SUM(y.bills_due) AS bills_due,
         INTEGER_SUM(y.paid_on_time) AS paid_on_time,
         INTEGER_SUM(y.paid_early) AS paid_early,
         INTEGER_SUM(y.unpaid_30) AS unpaid_30,
         INTEGER_SUM(y.payments) AS payments,
         INTEGER_SUM(y.debit_payments) AS debit_payments,
         MAX(y.last_paid_after_days) AS last_paid_after_days
  FROM core.live_account AS a
  JOIN segment.account_year AS y ON y.account_id = a.account_id
  GROUP BY a.customer_id
),
month AS (
  SELECT a.customer_id, b.period, SUM(CAST(b.billed_kwh AS DECIMAL(18,3))) AS kwh
  FROM core.live_account AS a
  JOIN facts.bill_net AS b ON b.account_id = a.account_id
  WHERE b.period BETWEEN ADD_MONTHS($period, -11) AND $period
  GROUP BY a.customer_id, b.period
),
seasonal AS (
  SELECT m.customer_id,
         COUNT(*) AS months,
         CAST(SUM(m.kwh) AS DOUBLE) / 12 AS year_mean,
         CAST(SUM(m.kwh) FILTER (WHERE EXTRACT(MONTH FROM m.period) IN (6, 7, 8)) AS DOUBLE) / 3 AS summer_mean,
         CAST(SUM(m.kwh) FILTER (WHERE EXTRACT(MONTH FROM m.period) IN (12, 1, 2)) AS DOUBLE) / 3 AS winter_mean
  FROM month AS m
  GROUP BY m.customer_id
),
part AS (
  SELECT b.customer_id,
         CASE WHEN y.bills_due > 0 THEN
           CASE WHEN y.last_paid_after_days <= 0 THEN 3 WHEN y.last_paid_after_days <= $late_days THEN 2 ELSE 1 END END AS recency,
         CASE WHEN y.bills_due > 0 THEN
           CASE WHEN y.debit_payments >= $often * y.payments AND y.payments > 0 THEN 3
                WHEN y.paid_early >= $often * y.bills_due THEN 3
                WHEN y.debit_payments >= $sometimes * y.payments AND y.payments > 0 THEN 2
                WHEN y.paid_early >= $sometimes * y.bills_due THEN 2
                ELSE 1 END END AS frequency,
         CASE WHEN b.amount_12m >= $high_amount THEN 3 WHEN b.amount_12m >= $middle_amount THEN 2 ELSE 1 END AS monetary,
         CASE WHEN COALESCE(y.bills_due, 0) = 0 THEN 'unknown'
              WHEN y.unpaid_30 * 4 >= y.bills_due THEN 'troubled'
              WHEN y.paid_on_time * 4 < y.bills_due * 3 THEN 'late'
              WHEN y.payments > 0 AND y.debit_payments >= $often * y.payments THEN 'automatic'
              ELSE 'prompt' END AS payer,
         CASE WHEN s.months IS NULL OR s.months < 12 OR s.year_mean <= 0 THEN 'even'
              WHEN s.summer_mean >= $season_ratio * s.year_mean AND s.winter_mean >= $season_ratio * s.year_mean THEN 'both'
              WHEN s.summer_mean >= $season_ratio * s.year_mean THEN 'summer'
              WHEN s.winter_mean >= $season_ratio * s.year_mean THEN 'winter'
              ELSE 'even' END AS season,
         CASE WHEN h.account_id IS NULL THEN 'unknown'
              WHEN h.night_share >= $night_share THEN 'night'
              WHEN h.weekend_share >= $weekend_share THEN 'weekend'
              ELSE 'day' END AS time_of_use,
         CASE WHEN y.bills_due > 0 THEN y.last_paid_after_days END AS last_paid_after_days,
         ROUND(RATIO(y.paid_early, y.bills_due), 6) AS early_share,
         ROUND(RATIO(y.debit_payments, y.payments), 6) AS debit_share,
         CASE WHEN s.months = 12 AND s.year_mean > 0 THEN ROUND(RATIO(s.summer_mean, s.year_mean), 6) END AS summer_ratio,
         CASE WHEN s.months = 12 AND s.year_mean > 0 THEN ROUND(RATIO(s.winter_mean, s.year_mean), 6) END AS winter_ratio,
         h.night_share,
         h.weekend_share,
         h.load_factor
  FROM segment.customer_base AS b
  LEFT JOIN year AS y ON y.customer_id = b.customer_id
  LEFT JOIN seasonal AS s ON s.customer_id = b.customer_id
  LEFT JOIN segment.account_shape AS h ON h.account_id = b.main_account_id
)
SELECT p.customer_id,
       CAST(p.recency AS BIGINT) AS recency,
       CAST(p.frequency AS BIGINT) AS frequency,
       CAST(p.monetary AS BIGINT) AS monetary,
       p.payer,
       CAST(p.last_paid_after_days AS BIGINT) AS last_paid_after_days,
       p.early_share,
       p.debit_share,
       p.season,
       p.time_of_use,
       p.summer_ratio,
       p.winter_ratio,
       p.night_share,
       p.weekend_share,
       p.load_factor,
       CONCAT(p.payer, '/', p.season, '/', p.time_of_use) AS segment
FROM part AS p
