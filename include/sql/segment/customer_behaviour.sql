/*
grain: one row a customer
key: [customer_id]
purpose: >-
  Level 2 of the grading: how a customer behaves. Six parts from 0 (worst) to 1; the score is their weighted
  mean over the parts that are known, cut at fixed limits. Without a bill due in the year nothing can be said
  about paying, and the tier is neutral_tier.
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
  cut_2: {type: number, default: 0.40, minimum: 0, maximum: 1, doc: Lowest score of tier 2.}
  cut_3: {type: number, default: 0.55, minimum: 0, maximum: 1, doc: Lowest score of tier 3.}
  cut_4: {type: number, default: 0.70, minimum: 0, maximum: 1, doc: Lowest score of tier 4.}
  cut_5: {type: number, default: 0.85, minimum: 0, maximum: 1, doc: Lowest score of tier 5.}
*/
WITH month AS (
  SELECT a.customer_id, b.period, SUM(CAST(b.billed_kwh AS DECIMAL(14,1))) AS kwh
  FROM core.live_account AS a
  JOIN facts.bill_net AS b ON b.account_id = a.account_id
  WHERE b.period BETWEEN ADD_MONTHS($period, -11) AND $period
  GROUP BY a.customer_id, b.period
),
energy AS (
  SELECT m.customer_id,
         COUNT(*) AS months,
         CAST(SUM(m.kwh) AS DOUBLE) AS total,
         CAST(SUM(CAST(m.kwh AS DECIMAL(14,1)) * CAST(m.kwh AS DECIMAL(14,1))) AS DOUBLE) AS squares
  FROM month AS m
  GROUP BY m.customer_id
),
year AS (
  SELECT a.customer_id,
         INTEGER_SUM(y.bills_due) AS bills_due,
         INTEGER_SUM(y.paid_on_time) AS paid_on_time,
         INTEGER_SUM(y.days_late_sum) AS days_late_sum,
         INTEGER_SUM(y.payments) AS payments,
         INTEGER_SUM(y.digital_payments) AS digital_payments,
         INTEGER_SUM(y.complaints) AS complaints
  FROM core.live_account AS a
  JOIN segment.account_year AS y ON y.account_id = a.account_id
  GROUP BY a.customer_id
),
measured AS (
  SELECT b.customer_id,
         y.bills_due,
         ROUND(RATIO(y.paid_on_time, y.bills_due), 6) AS on_time,
         ROUND(RATIO(y.days_late_sum, y.bills_due), 6) AS mean_days_late,
         CASE WHEN e.months >= $min_months AND e.total > 0
              THEN ROUND(RATIO(SQRT(GREATEST(e.months * e.squares - e.total * e.total, CAST(0 AS DOUBLE))), e.total), 6)
              END AS kwh_cv,
         ROUND(LEAST(RATIO(GREATEST(CAST(b.tenure_days AS DOUBLE), CAST(0 AS DOUBLE)) / 365.25, CAST($tenure_years AS DOUBLE)),
                     CAST(1 AS DOUBLE)), 6) AS raw_tenure,
         b.tenure_days,
         y.complaints,
         ROUND(RATIO(y.digital_payments, y.payments), 6) AS digital
  FROM segment.customer_base AS b
  LEFT JOIN year AS y ON y.customer_id = b.customer_id
  LEFT JOIN energy AS e ON e.customer_id = b.customer_id
),
part AS (
  SELECT m.customer_id,
         m.bills_due,
         m.mean_days_late,
         m.kwh_cv,
         m.on_time,
         CASE WHEN m.mean_days_late IS NOT NULL
              THEN ROUND(GREATEST(1 - RATIO(m.mean_days_late, CAST($late_days AS DOUBLE)), CAST(0 AS DOUBLE)), 6) END AS promptness,
         CASE WHEN m.kwh_cv IS NOT NULL
              THEN ROUND(GREATEST(1 - RATIO(m.kwh_cv, CAST($cv_full AS DOUBLE)), CAST(0 AS DOUBLE)), 6) END AS stability,
         CASE WHEN m.tenure_days IS NOT NULL THEN m.raw_tenure END AS tenure,
         CASE WHEN m.complaints IS NOT NULL
              THEN ROUND(GREATEST(1 - RATIO(m.complaints, CAST($complaints_full AS DOUBLE)), CAST(0 AS DOUBLE)), 6)
              END AS calm,
         m.digital
  FROM measured AS m
),
weight AS (
  SELECT COALESCE(MAX(w.weight) FILTER (WHERE w.part = 'on_time'), CAST(0 AS DOUBLE)) AS on_time,
         COALESCE(MAX(w.weight) FILTER (WHERE w.part = 'promptness'), CAST(0 AS DOUBLE)) AS promptness,
         COALESCE(MAX(w.weight) FILTER (WHERE w.part = 'stability'), CAST(0 AS DOUBLE)) AS stability,
         COALESCE(MAX(w.weight) FILTER (WHERE w.part = 'tenure'), CAST(0 AS DOUBLE)) AS tenure,
         COALESCE(MAX(w.weight) FILTER (WHERE w.part = 'calm'), CAST(0 AS DOUBLE)) AS calm,
         COALESCE(MAX(w.weight) FILTER (WHERE w.part = 'digital'), CAST(0 AS DOUBLE)) AS digital
  FROM param.weights AS w
),
scored AS (
  SELECT p.*,
         CASE WHEN p.bills_due > 0 THEN
           ROUND(RATIO(COALESCE(p.on_time * w.on_time, CAST(0 AS DOUBLE)) + COALESCE(p.promptness * w.promptness, CAST(0 AS DOUBLE))
                  + COALESCE(p.stability * w.stability, CAST(0 AS DOUBLE)) + COALESCE(p.tenure * w.tenure, CAST(0 AS DOUBLE))
                  + COALESCE(p.calm * w.calm, CAST(0 AS DOUBLE)) + COALESCE(p.digital * w.digital, CAST(0 AS DOUBLE)), CASE WHEN p.on_time IS NULL THEN CAST(0 AS DOUBLE) ELSE w.on_time END
                          + CASE WHEN p.promptness IS NULL THEN CAST(0 AS DOUBLE) ELSE w.promptness END
                          + CASE WHEN p.stability IS NULL THEN CAST(0 AS DOUBLE) ELSE w.stability END
                          + CASE WHEN p.tenure IS NULL THEN CAST(0 AS DOUBLE) ELSE w.tenure END
                          + CASE WHEN p.calm IS NULL THEN CAST(0 AS DOUBLE) ELSE w.calm END
                          + CASE WHEN p.digital IS NULL THEN CAST(0 AS DOUBLE) ELSE w.digital END), 6) END AS behaviour_score
  FROM part AS p
  CROSS JOIN weight AS w
)
SELECT s.customer_id,
       s.on_time,
       s.promptness,
       s.stability,
       s.tenure,
       s.calm,
       s.digital,
       s.mean_days_late,
       s.kwh_cv,
       s.behaviour_score,
       CAST(CASE WHEN s.behaviour_score IS NULL THEN $neutral_tier
                 WHEN s.behaviour_score >= $cut_5 THEN 5
                 WHEN s.behaviour_score >= $cut_4 THEN 4
                 WHEN s.behaviour_score >= $cut_3 THEN 3
                 WHEN s.behaviour_score >= $cut_2 THEN 2
                 ELSE 1 END AS BIGINT) AS behaviour_tier
FROM scored AS s
