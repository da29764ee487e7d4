/*
grain: one row an account and month (P and the 13 months before) with at least one suspended day
key: [account_id, period]
purpose: In which months an account was suspended, on some day or wholly.
columns:
  account_id: {type: string, doc: The supply account.}
  period: {type: date, doc: First day of the month.}
  period_days: {type: integer, doc: Days of the month.}
  suspended_days: {type: integer, doc: Days of the month on which the account was suspended.}
  is_wholly: {type: boolean, doc: Suspended on every day of the month.}
*/
WITH month AS (
  SELECT MONTH_OF(d.day) AS period, COUNT(*) AS period_days
  FROM core.calendar AS d
  WHERE d.day >= ADD_MONTHS($period, -13) AND d.day <= $period_end
  GROUP BY MONTH_OF(d.day)
),
counted AS (
  SELECT s.account_id, MONTH_OF(s.day) AS period, COUNT(*) AS suspended_days
  FROM facts.suspension_day AS s
  JOIN source.account AS a ON a.account_id = s.account_id
  WHERE s.is_suspended AND (a.running_kva IS NULL OR a.running_kva <> 0)
  GROUP BY s.account_id, MONTH_OF(s.day)
  UNION ALL
  SELECT a.account_id, m.period, m.period_days
  FROM source.account AS a
  CROSS JOIN month AS m
  WHERE a.running_kva = 0
)
SELECT c.account_id, c.period, m.period_days, c.suspended_days, c.suspended_days = m.period_days AS is_wholly
FROM counted AS c
JOIN month AS m ON m.period = c.period
