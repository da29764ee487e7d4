/*
grain: one row an account with energy in the three months up to the audited one
key: [account_id]
purpose: Energy of three months against the same three a year before, from mart.fct_consumption_monthly.
columns:
  account_id: {type: string, doc: The supply account.}
  kwh: {type: double, doc: Of the three months.}
  kwh_before: {type: double, doc: A year before; empty unless all three months are there.}
  change_share: {type: double, doc: 'Growth; -0.2 is a fifth less.'}
*/
SELECT m.account_id,
       SUM(m.kwh) FILTER (WHERE m.period > CAST(ADD_MONTHS($period, -3) AS DATE)) AS kwh,
       CASE WHEN COUNT(*) FILTER (WHERE m.period <= CAST(ADD_MONTHS($period, -12) AS DATE)) = 3
            THEN SUM(m.kwh) FILTER (WHERE m.period <= CAST(ADD_MONTHS($period, -12) AS DATE)) END AS kwh_before,
       CASE WHEN COUNT(*) = 6
            THEN SUM(m.kwh) FILTER (WHERE m.period > CAST(ADD_MONTHS($period, -3) AS DATE))
                 / NULLIF(SUM(m.kwh) FILTER (WHERE m.period <= CAST(ADD_MONTHS($period, -12) AS DATE)), 0) - 1 END AS change_share
FROM mart.fct_consumption_monthly AS m
WHERE (m.period > CAST(ADD_MONTHS($period, -3) AS DATE) AND m.period <= $period)
   OR (m.period > CAST(ADD_MONTHS($period, -15) AS DATE) AND m.period <= CAST(ADD_MONTHS($period, -12) AS DATE))
GROUP BY m.account_id
