/*
grain: one row an account with a bill in P
key: [account_id]
purpose: What an account was billed before, to hold P against.
columns:
  account_id: {type: string, doc: The supply account.}
  periods_before: {type: integer, doc: Billed ones among the six calendar months before P.}
  median_kwh: {type: double, doc: Median of their net billed energy; empty where there is none.}
  median_amount: {type: double, doc: Median of their net totals; empty where there is none.}
  suspended_any: {type: boolean, doc: Suspended on a day of P or of one of those months.}
*/
SELECT n.account_id,
       COUNT(*) FILTER (WHERE n.period < $period) AS periods_before,
       CAST(MEDIAN(CASE WHEN n.period < $period THEN n.billed_kwh END) AS DOUBLE) AS median_kwh,
       CAST(MEDIAN(CASE WHEN n.period < $period THEN CAST(n.total_amount AS DOUBLE) END) AS DOUBLE) AS median_amount,
       BOOL_OR(s.account_id IS NOT NULL) AS suspended_any
FROM facts.bill_net AS n
LEFT JOIN facts.suspension_period AS s ON s.account_id = n.account_id AND s.period = n.period
WHERE n.period >= ADD_MONTHS($period, -6) AND n.period <= $period
GROUP BY n.account_id
HAVING BOOL_OR(n.period = $period)
