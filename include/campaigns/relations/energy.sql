/*
grain: one row per account billed for one of the three months up to the audited one
key: [account_id]
purpose: Billed energy of the last three months against the same months a year before, from mart.fct_bill.
columns:
  account_id: {type: string, doc: The supply account.}
  kwh: {type: double, doc: Of the three months.}
  kwh_before: {type: double, doc: A year before; empty unless two of the three months were billed both times.}
  change_share: {type: double, doc: 'Growth over the months billed both times; -0.2 is a fifth less.'}
*/
WITH pair AS (
  SELECT
    bill.account_id,
    bill.billed_kwh AS kwh,
    year_before.billed_kwh AS kwh_before
  FROM mart.fct_bill AS bill
  LEFT JOIN mart.fct_bill AS year_before
    ON year_before.account_id = bill.account_id
    AND year_before.period = ADD_MONTHS(bill.period, -12)
  WHERE bill.period > ADD_MONTHS($period, -3) AND bill.period <= $period
)

SELECT
  pair.account_id,
  EXACT_SUM(pair.kwh) AS kwh,
  CASE WHEN COUNT(pair.kwh_before) >= 2 THEN EXACT_SUM(pair.kwh_before) END AS kwh_before,
  CASE
    WHEN COUNT(pair.kwh_before) >= 2
      THEN
        RATIO(EXACT_SUM(pair.kwh) FILTER (WHERE pair.kwh_before IS NOT NULL), EXACT_SUM(pair.kwh_before)) - 1
  END AS change_share
FROM pair
GROUP BY pair.account_id
