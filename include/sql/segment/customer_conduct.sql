/*
grain: one row per customer
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
  SELECT
    live_account.customer_id,
    INTEGER_SUM(account_year.bills_due) AS bills_due,
    INTEGER_SUM(account_year.paid_on_time) AS paid_on_time,
    INTEGER_SUM(account_year.paid_early) AS paid_early,
    INTEGER_SUM(account_year.unpaid_30) AS unpaid_30,
    INTEGER_SUM(account_year.payments) AS payments,
    INTEGER_SUM(account_year.debit_payments) AS debit_payments,
    MAX(account_year.last_paid_after_days) AS last_paid_after_days
  FROM core.live_account
  JOIN segment.account_year ON account_year.account_id = live_account.account_id
  GROUP BY live_account.customer_id
),

month AS (
  SELECT
    live_account.customer_id,
    bill_net.period,
    SUM(CAST(bill_net.billed_kwh AS DECIMAL(18, 3))) AS kwh
  FROM core.live_account
  JOIN facts.bill_net ON bill_net.account_id = live_account.account_id
  WHERE bill_net.period BETWEEN ADD_MONTHS($period, -11) AND $period
  GROUP BY live_account.customer_id, bill_net.period
),

seasonal AS (
  SELECT
    month.customer_id,
    COUNT(*) AS months,
    CAST(SUM(month.kwh) AS DOUBLE) / 12 AS year_mean,
    CAST(SUM(month.kwh) FILTER (WHERE EXTRACT(MONTH FROM month.period) IN (6, 7, 8)) AS DOUBLE)
    / 3 AS summer_mean,
    CAST(SUM(month.kwh) FILTER (WHERE EXTRACT(MONTH FROM month.period) IN (12, 1, 2)) AS DOUBLE)
    / 3 AS winter_mean
  FROM month
  GROUP BY month.customer_id
),

part AS (
  SELECT
    customer_base.customer_id,
    CASE
      WHEN year.bills_due > 0 THEN
        CASE
          WHEN year.last_paid_after_days <= 0 THEN 3 WHEN
            year.last_paid_after_days <= $late_days
            THEN 2
          ELSE 1
        END
    END AS recency,
    CASE
      WHEN year.bills_due > 0 THEN
        CASE
          WHEN year.debit_payments >= $often * year.payments AND year.payments > 0 THEN 3
          WHEN year.paid_early >= $often * year.bills_due THEN 3
          WHEN year.debit_payments >= $sometimes * year.payments AND year.payments > 0 THEN 2
          WHEN year.paid_early >= $sometimes * year.bills_due THEN 2
          ELSE 1
        END
    END AS frequency,
    CASE
      WHEN customer_base.amount_12m >= $high_amount THEN 3 WHEN
        customer_base.amount_12m >= $middle_amount
        THEN 2
      ELSE 1
    END AS monetary,
    CASE
      WHEN COALESCE(year.bills_due, 0) = 0 THEN 'unknown'
      WHEN year.unpaid_30 * 4 >= year.bills_due THEN 'troubled'
      WHEN year.paid_on_time * 4 < year.bills_due * 3 THEN 'late'
      WHEN year.payments > 0 AND year.debit_payments >= $often * year.payments THEN 'automatic'
      ELSE 'prompt'
    END AS payer,
    CASE
      WHEN seasonal.months IS NULL OR seasonal.months < 12 OR seasonal.year_mean <= 0 THEN 'even'
      WHEN
        seasonal.summer_mean >= $season_ratio * seasonal.year_mean
        AND seasonal.winter_mean >= $season_ratio * seasonal.year_mean
        THEN 'both'
      WHEN seasonal.summer_mean >= $season_ratio * seasonal.year_mean THEN 'summer'
      WHEN seasonal.winter_mean >= $season_ratio * seasonal.year_mean THEN 'winter'
      ELSE 'even'
    END AS season,
    CASE
      WHEN account_shape.account_id IS NULL THEN 'unknown'
      WHEN account_shape.night_share >= $night_share THEN 'night'
      WHEN account_shape.weekend_share >= $weekend_share THEN 'weekend'
      ELSE 'day'
    END AS time_of_use,
    CASE WHEN year.bills_due > 0 THEN year.last_paid_after_days END AS last_paid_after_days,
    ROUND(RATIO(year.paid_early, year.bills_due), 6) AS early_share,
    ROUND(RATIO(year.debit_payments, year.payments), 6) AS debit_share,
    CASE
      WHEN
        seasonal.months = 12 AND seasonal.year_mean > 0
        THEN ROUND(RATIO(seasonal.summer_mean, seasonal.year_mean), 6)
    END AS summer_ratio,
    CASE
      WHEN
        seasonal.months = 12 AND seasonal.year_mean > 0
        THEN ROUND(RATIO(seasonal.winter_mean, seasonal.year_mean), 6)
    END AS winter_ratio,
    account_shape.night_share,
    account_shape.weekend_share,
    account_shape.load_factor
  FROM segment.customer_base
  LEFT JOIN year ON year.customer_id = customer_base.customer_id
  LEFT JOIN seasonal ON seasonal.customer_id = customer_base.customer_id
  LEFT JOIN segment.account_shape ON account_shape.account_id = customer_base.main_account_id
)

SELECT
  part.customer_id,
  CAST(part.recency AS BIGINT) AS recency,
  CAST(part.frequency AS BIGINT) AS frequency,
  CAST(part.monetary AS BIGINT) AS monetary,
  part.payer,
  CAST(part.last_paid_after_days AS BIGINT) AS last_paid_after_days,
  part.early_share,
  part.debit_share,
  part.season,
  part.time_of_use,
  part.summer_ratio,
  part.winter_ratio,
  part.night_share,
  part.weekend_share,
  part.load_factor,
  CONCAT(part.payer, '/', part.season, '/', part.time_of_use) AS segment
FROM part
