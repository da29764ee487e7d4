/*
grain: one row per account with a bill in P
key: [account_id]
purpose: What an account was billed before, to hold P against.
columns:
  account_id: {type: string, doc: The supply account.}
  periods_before: {type: integer, doc: 'Billed ones among the six calendar months before P; where a bill covers several months the last six billed periods before P.'}
  median_kwh: {type: double, doc: 'Median of their net billed energy; where a bill covers several months the median by bill day, times the bill days of P. Empty where there is none.'}
  median_amount: {type: double, doc: 'Median of their net totals, likewise; empty where there is none.'}
  suspended_any: {type: boolean, doc: Suspended on a day of P or of one of those periods.}
*/
WITH monthly AS (
  SELECT
    bill_net.account_id,
    COUNT(*) FILTER (WHERE bill_net.period < $period) AS periods_before,
    CAST(MEDIAN(CASE WHEN bill_net.period < $period THEN bill_net.billed_kwh END) AS DOUBLE) AS median_kwh,
    CAST(MEDIAN(CASE WHEN bill_net.period < $period THEN CAST(bill_net.total_amount AS DOUBLE) END) AS DOUBLE)
      AS median_amount,
    BOOL_OR(suspension_period.account_id IS NOT NULL) AS suspended_any
  FROM facts.bill_net
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = bill_net.account_id
  LEFT JOIN facts.suspension_period
    ON suspension_period.account_id = bill_net.account_id AND suspension_period.period = bill_net.period
  WHERE
    billing_cycle.account_id IS NULL
    AND bill_net.period >= ADD_MONTHS($period, -6)
    AND bill_net.period <= $period
  GROUP BY bill_net.account_id
  HAVING BOOL_OR(bill_net.period = $period)
),

cycle AS (
  SELECT
    cycle_period.account_id,
    cycle_period.billed_no,
    bill_rate.bill_days,
    bill_rate.kwh_per_day,
    bill_rate.amount_per_day,
    bill_suspension.account_id IS NOT NULL OR suspension_period.account_id IS NOT NULL AS is_suspended
  FROM facts.cycle_period
  JOIN facts.bill_rate
    ON bill_rate.account_id = cycle_period.account_id AND bill_rate.period = cycle_period.period
  LEFT JOIN facts.bill_suspension
    ON bill_suspension.account_id = cycle_period.account_id AND bill_suspension.period = cycle_period.period
  LEFT JOIN facts.suspension_period
    ON suspension_period.account_id = cycle_period.account_id
    AND suspension_period.period = cycle_period.period
  WHERE cycle_period.billed_no <= 6
)

SELECT
  monthly.account_id,
  monthly.periods_before,
  monthly.median_kwh,
  monthly.median_amount,
  monthly.suspended_any
FROM monthly
UNION ALL
SELECT
  cycle.account_id,
  COUNT(*) FILTER (WHERE cycle.billed_no > 0) AS periods_before,
  MEDIAN(CASE WHEN cycle.billed_no > 0 THEN cycle.kwh_per_day END)
  * MAX(CASE WHEN cycle.billed_no = 0 THEN cycle.bill_days END) AS median_kwh,
  MEDIAN(CASE WHEN cycle.billed_no > 0 THEN cycle.amount_per_day END)
  * MAX(CASE WHEN cycle.billed_no = 0 THEN cycle.bill_days END) AS median_amount,
  BOOL_OR(cycle.is_suspended) AS suspended_any
FROM cycle
GROUP BY cycle.account_id
HAVING BOOL_OR(cycle.billed_no = 0)
