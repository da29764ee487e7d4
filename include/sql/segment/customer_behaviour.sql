/*
grain: one row per customer
key: [customer_id]
purpose: >-
  Level 2 of the grading: how a customer behaves. Six parts from 0 (worst) to 1; the score is their weighted
  mean over the parts that are known. Those who have a score are ranked and cut at stated shares, so that each tier
  says something; equal scores stay together, in the tier in which their middle lies. Without a bill due in the year
  nothing can be said about paying, and the tier is neutral_tier.
columns:
  customer_id: {type: string, doc: The customer.}
  on_time: {type: double, doc: Share of the year's bills settled by the due date.}
  promptness: {type: double, doc: '1 less mean days late over late_days, not below 0.'}
  stability: {type: double, doc: '1 less the coefficient of variation of the monthly kWh over cv_full; needs min_months.'}
  tenure: {type: double, doc: 'Years of supply over tenure_years, not above 1.'}
  calm: {type: double, doc: '1 less complaints of the year over complaints_full, not below 0.'}
  digital: {type: double, doc: Share of payments by bank debit or online.}
  mean_days_late: {type: double, doc: Mean days late of the year's bills.}
  kwh_cv: {type: double, doc: Coefficient of variation of the monthly kWh.}
  behaviour_score: {type: double, doc: 'Weighted mean, 0 to 1; empty where neutral.'}
  rank_share: {type: double, doc: 'Share of those with a score that stand above, half of the equal ones counted; empty where neutral.'}
  behaviour_tier: {type: integer, doc: '1 (worst) to 5.'}
params:
  weights:
    type: map
    columns: {part: string, weight: double}
    default: {on_time: 0.30, promptness: 0.20, stability: 0.15, tenure: 0.15, calm: 0.10, digital: 0.10}
    doc: Weight of each part.
  late_days: {type: number, default: 30, minimum: 1, maximum: 365, doc: A mean of so many days late counts 0.}
  cv_full: {type: number, default: 1, minimum: 0.1, maximum: 10, doc: A coefficient of variation from here on counts 0.}
  min_months: {type: integer, default: 6, minimum: 2, maximum: 12, doc: Fewest billed months for stability.}
  tenure_years: {type: number, default: 10, minimum: 1, maximum: 60, doc: Years of supply that count 1.}
  complaints_full: {type: number, default: 3, minimum: 1, maximum: 100, doc: So many complaints count 0.}
  neutral_tier: {type: integer, default: 3, minimum: 1, maximum: 5, doc: Tier where no bill was due.}
  share_5: {type: number, default: 0.20, minimum: 0, maximum: 1, doc: Share of those with a score that is tier 5.}
  share_4: {type: number, default: 0.25, minimum: 0, maximum: 1, doc: The same of tier 4.}
  share_3: {type: number, default: 0.25, minimum: 0, maximum: 1, doc: The same of tier 3.}
  share_2: {type: number, default: 0.20, minimum: 0, maximum: 1, doc: The same of tier 2; tier 1 is the rest.}
*/
WITH month AS (
  SELECT
    live_account.customer_id,
    bill_net.period,
    SUM(CAST(bill_net.billed_kwh AS DECIMAL(14, 1))) AS kwh
  FROM core.live_account
  JOIN facts.bill_net ON bill_net.account_id = live_account.account_id
  WHERE bill_net.period BETWEEN ADD_MONTHS($period, -11) AND $period
  GROUP BY live_account.customer_id, bill_net.period
),

energy AS (
  SELECT
    month.customer_id,
    COUNT(*) AS months,
    CAST(SUM(month.kwh) AS DOUBLE) AS total,
    CAST(SUM(CAST(month.kwh AS DECIMAL(14, 1)) * CAST(month.kwh AS DECIMAL(14, 1))) AS DOUBLE) AS squares
  FROM month
  GROUP BY month.customer_id
),

year AS (
  SELECT
    live_account.customer_id,
    INTEGER_SUM(account_year.bills_due) AS bills_due,
    INTEGER_SUM(account_year.paid_on_time) AS paid_on_time,
    INTEGER_SUM(account_year.days_late_sum) AS days_late_sum,
    INTEGER_SUM(account_year.payments) AS payments,
    INTEGER_SUM(account_year.digital_payments) AS digital_payments,
    INTEGER_SUM(account_year.complaints) AS complaints
  FROM core.live_account
  JOIN segment.account_year ON account_year.account_id = live_account.account_id
  GROUP BY live_account.customer_id
),

measured AS (
  SELECT
    customer_base.customer_id,
    year.bills_due,
    ROUND(RATIO(year.paid_on_time, year.bills_due), 6) AS on_time,
    ROUND(RATIO(year.days_late_sum, year.bills_due), 6) AS mean_days_late,
    CASE
      WHEN energy.months >= $min_months AND energy.total > 0
        THEN
          ROUND(
            RATIO(
              SQRT(GREATEST(energy.months * energy.squares - energy.total * energy.total, CAST(0 AS DOUBLE))),
              energy.total
            ),
            6
          )
    END AS kwh_cv,
    ROUND(LEAST(
      RATIO(
        GREATEST(CAST(customer_base.tenure_days AS DOUBLE), CAST(0 AS DOUBLE)) / 365.25,
        CAST($tenure_years AS DOUBLE)
      ),
      CAST(1 AS DOUBLE)
    ), 6) AS raw_tenure,
    customer_base.tenure_days,
    year.complaints,
    ROUND(RATIO(year.digital_payments, year.payments), 6) AS digital
  FROM segment.customer_base
  LEFT JOIN year ON year.customer_id = customer_base.customer_id
  LEFT JOIN energy ON energy.customer_id = customer_base.customer_id
),

part AS (
  SELECT
    measured.customer_id,
    measured.bills_due,
    measured.mean_days_late,
    measured.kwh_cv,
    measured.on_time,
    CASE
      WHEN measured.mean_days_late IS NOT NULL
        THEN
          ROUND(
            GREATEST(1 - RATIO(measured.mean_days_late, CAST($late_days AS DOUBLE)), CAST(0 AS DOUBLE)), 6
          )
    END AS promptness,
    CASE
      WHEN measured.kwh_cv IS NOT NULL
        THEN ROUND(GREATEST(1 - RATIO(measured.kwh_cv, CAST($cv_full AS DOUBLE)), CAST(0 AS DOUBLE)), 6)
    END AS stability,
    CASE WHEN measured.tenure_days IS NOT NULL THEN measured.raw_tenure END AS tenure,
    CASE
      WHEN measured.complaints IS NOT NULL
        THEN
          ROUND(
            GREATEST(1 - RATIO(measured.complaints, CAST($complaints_full AS DOUBLE)), CAST(0 AS DOUBLE)), 6
          )
    END AS calm,
    measured.digital
  FROM measured
),

weight AS (
  SELECT
    COALESCE(MAX(weights.weight) FILTER (WHERE weights.part = 'on_time'), CAST(0 AS DOUBLE)) AS on_time,
    COALESCE(MAX(weights.weight) FILTER (WHERE weights.part = 'promptness'), CAST(0 AS DOUBLE)) AS promptness,
    COALESCE(MAX(weights.weight) FILTER (WHERE weights.part = 'stability'), CAST(0 AS DOUBLE)) AS stability,
    COALESCE(MAX(weights.weight) FILTER (WHERE weights.part = 'tenure'), CAST(0 AS DOUBLE)) AS tenure,
    COALESCE(MAX(weights.weight) FILTER (WHERE weights.part = 'calm'), CAST(0 AS DOUBLE)) AS calm,
    COALESCE(MAX(weights.weight) FILTER (WHERE weights.part = 'digital'), CAST(0 AS DOUBLE)) AS digital
  FROM param.weights
),

scored AS (
  SELECT
    part.*,
    CASE
      WHEN part.bills_due > 0 THEN
        ROUND(RATIO(
          COALESCE(part.on_time * weight.on_time, CAST(0 AS DOUBLE))
          + COALESCE(part.promptness * weight.promptness, CAST(0 AS DOUBLE))
          + COALESCE(part.stability * weight.stability, CAST(0 AS DOUBLE))
          + COALESCE(part.tenure * weight.tenure, CAST(0 AS DOUBLE))
          + COALESCE(part.calm * weight.calm, CAST(0 AS DOUBLE))
          + COALESCE(part.digital * weight.digital, CAST(0 AS DOUBLE)),
          CASE WHEN part.on_time IS NULL THEN CAST(0 AS DOUBLE) ELSE weight.on_time END
          + CASE WHEN part.promptness IS NULL THEN CAST(0 AS DOUBLE) ELSE weight.promptness END
          + CASE WHEN part.stability IS NULL THEN CAST(0 AS DOUBLE) ELSE weight.stability END
          + CASE WHEN part.tenure IS NULL THEN CAST(0 AS DOUBLE) ELSE weight.tenure END
          + CASE WHEN part.calm IS NULL THEN CAST(0 AS DOUBLE) ELSE weight.calm END
          + CASE WHEN part.digital IS NULL THEN CAST(0 AS DOUBLE) ELSE weight.digital END
        ), 6)
    END AS behaviour_score
  FROM part
  CROSS JOIN weight
),

placed AS (
  SELECT
    scored.customer_id,
    ROUND(
      (
        CUME_DIST() OVER (ORDER BY scored.behaviour_score DESC)
        + 1
        - CUME_DIST() OVER (ORDER BY scored.behaviour_score ASC)
      )
      / 2, 9
    ) AS rank_share
  FROM scored
  WHERE scored.behaviour_score IS NOT NULL
)

SELECT
  scored.customer_id,
  scored.on_time,
  scored.promptness,
  scored.stability,
  scored.tenure,
  scored.calm,
  scored.digital,
  scored.mean_days_late,
  scored.kwh_cv,
  scored.behaviour_score,
  placed.rank_share,
  CAST(CASE
    WHEN placed.rank_share IS NULL THEN $neutral_tier
    WHEN placed.rank_share <= ROUND(CAST($share_5 AS DOUBLE), 9) THEN 5
    WHEN placed.rank_share <= ROUND(CAST($share_5 AS DOUBLE) + CAST($share_4 AS DOUBLE), 9) THEN 4
    WHEN
      placed.rank_share
      <= ROUND(CAST($share_5 AS DOUBLE) + CAST($share_4 AS DOUBLE) + CAST($share_3 AS DOUBLE), 9)
      THEN 3
    WHEN
      placed.rank_share
      <= ROUND(
        CAST($share_5 AS DOUBLE) + CAST($share_4 AS DOUBLE) + CAST($share_3 AS DOUBLE)
        + CAST($share_2 AS DOUBLE), 9
      )
      THEN 2
    ELSE 1
  END AS BIGINT) AS behaviour_tier
FROM scored
LEFT JOIN placed ON placed.customer_id = scored.customer_id
