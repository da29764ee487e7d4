/*
title: Suspended too long or too often in a year
zh: 年暂停超六个月或超两次
kind: exception
modes: [nightly]
subject: account
severity: high
flags: >-
  in as_of's calendar year up to as_of: days with any suspend row in force, whole or part (overlaps
  counted once, both ends included), above max_days, or more than max_times suspend rows starting.
at_stake: 'capacity price x kVA x months over the limit, where the account pays by capacity'
params:
  max_days: {type: integer, default: 183, minimum: 0, doc: Days in a calendar year with a suspension.}
  max_times: {type: integer, default: 2, minimum: 0, doc: Suspensions that may start in a calendar year.}
messages:
  en: "{days} days (up to {max_days}) and {times} suspensions (up to {max_times}) in the year."
  zh: "本年暂停 {days} 天（上限 {max_days}）、{times} 次（上限 {max_times}）。"
*/
WITH suspension AS (
  SELECT
    capacity_out.change_id,
    capacity_out.account_id,
    capacity_out.capacity_kva,
    capacity_out.start_on,
    capacity_out.last_on
  FROM core.capacity_out
  WHERE
    capacity_out.kind = 'suspend'
    AND capacity_out.start_on <= $as_of
    AND (
      capacity_out.last_on IS NULL OR capacity_out.last_on >= CAST(DATE_TRUNC('year', $as_of) AS DATE)
      OR capacity_out.start_on >= CAST(DATE_TRUNC('year', $as_of) AS DATE)
    )
),

total AS (
  SELECT
    suspension.account_id,
    COUNT(*) FILTER (WHERE suspension.start_on >= CAST(DATE_TRUNC('year', $as_of) AS DATE)) AS times,
    MAX(suspension.capacity_kva) AS suspended_kva,
    MIN(suspension.change_id) AS first_change_id
  FROM suspension
  GROUP BY suspension.account_id
),

out AS (
  SELECT
    suspension.account_id,
    calendar.day,
    EXACT_SUM(suspension.capacity_kva) AS kva,
    ROW_NUMBER() OVER (PARTITION BY suspension.account_id ORDER BY calendar.day) AS day_no
  FROM suspension
  INNER JOIN core.calendar
    ON calendar.day >= GREATEST(suspension.start_on, CAST(DATE_TRUNC('year', $as_of) AS DATE))
    AND calendar.day <= LEAST(COALESCE(suspension.last_on, $as_of), $as_of)
  GROUP BY suspension.account_id, calendar.day
),

day AS (
  SELECT
    out.account_id,
    COUNT(*) AS days,
    EXACT_SUM(CASE WHEN out.day_no > $max_days THEN out.kva END) AS kva_days_over
  FROM out
  GROUP BY out.account_id
)

SELECT
  total.account_id AS subject_id,
  total.account_id,
  COALESCE(day.days, 0) > $max_days OR total.times > $max_times AS flagged,
  CASE
    WHEN account.demand_basis = 'capacity' AND day.days > $max_days
      THEN MONEY(price_in_force.unit_price * day.kva_days_over / 30.0)
  END AS at_stake_amount,
  COALESCE(day.days, 0) AS days,
  $max_days AS max_days,
  total.times,
  $max_times AS max_times,
  total.suspended_kva,
  day.kva_days_over,
  total.first_change_id,
  price_in_force.unit_price AS capacity_price
FROM total
LEFT JOIN day ON day.account_id = total.account_id
LEFT JOIN source.account ON account.account_id = total.account_id
LEFT JOIN core.price_in_force
  ON price_in_force.tariff_code = account.tariff_code AND price_in_force.component = 'capacity'
