/*
grain: one row per account and month (P and the 13 months before) with at least one suspended day
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
  SELECT
    MONTH_OF(calendar.day) AS period,
    COUNT(*) AS period_days
  FROM core.calendar
  WHERE calendar.day >= ADD_MONTHS($period, -13) AND calendar.day <= $period_end
  GROUP BY MONTH_OF(calendar.day)
),

counted AS (
  SELECT
    suspension_day.account_id,
    MONTH_OF(suspension_day.day) AS period,
    COUNT(*) AS suspended_days
  FROM facts.suspension_day
  JOIN source.account ON account.account_id = suspension_day.account_id
  WHERE suspension_day.is_suspended AND (account.running_kva IS NULL OR account.running_kva <> 0)
  GROUP BY suspension_day.account_id, MONTH_OF(suspension_day.day)
  UNION ALL
  SELECT
    account.account_id,
    month.period,
    month.period_days
  FROM source.account
  CROSS JOIN month
  WHERE account.running_kva = 0
)

SELECT
  counted.account_id,
  counted.period,
  month.period_days,
  counted.suspended_days,
  counted.suspended_days = month.period_days AS is_wholly
FROM counted
JOIN month ON month.period = counted.period
