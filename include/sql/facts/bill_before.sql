/*
grain: one row per account with a bill in P
key: [account_id]
purpose: What an account was billed before, to hold P against.
columns:
  account_id: {type: string, doc: The supply account.}
  periods_before: {type: integer, doc: Billed ones among the six calendar months before P.}
  median_kwh: {type: double, doc: Median of their net billed energy; empty where there is none.}
  median_amount: {type: double, doc: Median of their net totals; empty where there is none.}
  suspended_any: {type: boolean, doc: Suspended on a day of P or of one of those months.}
*/
SELECT
  bill_net.account_id,
  COUNT(*) FILTER (WHERE bill_net.period < $period) AS periods_before,
  CAST(MEDIAN(CASE WHEN bill_net.period < $period THEN bill_net.billed_kwh END) AS DOUBLE) AS median_kwh,
  CAST(MEDIAN(CASE WHEN bill_net.period < $period THEN CAST(bill_net.total_amount AS DOUBLE) END) AS DOUBLE)
    AS median_amount,
  BOOL_OR(suspension_period.account_id IS NOT NULL) AS suspended_any
FROM facts.bill_net
LEFT JOIN facts.suspension_period
  ON suspension_period.account_id = bill_net.account_id AND suspension_period.period = bill_net.period
WHERE bill_net.period >= ADD_MONTHS($period, -6) AND bill_net.period <= $period
GROUP BY bill_net.account_id
HAVING BOOL_OR(bill_net.period = $period)
