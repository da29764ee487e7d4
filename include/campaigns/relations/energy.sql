/*
grain: one row an account billed for one of the three months up to the audited one
key: [account_id]
purpose: Billed energy of the last three months against the same months a year before, from mart.fct_bill.
columns:
  account_id: {type: string, doc: The supply account.}
  kwh: {type: double, doc: Of the three months.}
  kwh_before: {type: double, doc: A year before; empty unless two of the three months were billed both times.}
  change_share: {type: double, doc: 'Growth over the months billed both times; -0.2 is a fifth less.'}
*/
WITH pair AS (
  SELECT n.account_id, n.billed_kwh AS kwh, b.billed_kwh AS kwh_before
  FROM mart.fct_bill AS n
  LEFT JOIN mart.fct_bill AS b ON b.account_id = n.account_id AND b.period = CAST(ADD_MONTHS(n.period, -12) AS DATE)
  WHERE n.period > CAST(ADD_MONTHS($period, -3) AS DATE) AND n.period <= $period
)
SELECT p.account_id,
       ROUND(SUM(ROUND(p.kwh * 1000000)) * 0.000001, 6) AS kwh,
       CASE WHEN COUNT(p.kwh_before) >= 2 THEN ROUND(SUM(ROUND(p.kwh_before * 1000000)) * 0.000001, 6) END AS kwh_before,
       CASE WHEN COUNT(p.kwh_before) >= 2
            THEN ROUND(SUM(ROUND(p.kwh * 1000000)) FILTER (WHERE p.kwh_before IS NOT NULL) * 0.000001, 6) / NULLIF(ROUND(SUM(ROUND(p.kwh_before * 1000000)) * 0.000001, 6), 0) - 1 END AS change_share
FROM pair AS p
GROUP BY p.account_id
