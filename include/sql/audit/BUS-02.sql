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
  SELECT s.change_id, s.account_id, s.capacity_kva, s.start_on, s.last_on
  FROM core.capacity_out AS s
  WHERE s.kind = 'suspend'
    AND s.start_on <= $as_of
    AND (s.last_on IS NULL OR s.last_on >= CAST(DATE_TRUNC('year', $as_of) AS DATE)
         OR s.start_on >= CAST(DATE_TRUNC('year', $as_of) AS DATE))
),
total AS (
  SELECT s.account_id,
         COUNT(*) FILTER (WHERE s.start_on >= CAST(DATE_TRUNC('year', $as_of) AS DATE)) AS times,
         MAX(s.capacity_kva) AS suspended_kva,
         MIN(s.change_id) AS first_change_id
  FROM suspension AS s
  GROUP BY s.account_id
),
out AS (
  SELECT s.account_id,
         d.day,
         EXACT_SUM(s.capacity_kva) AS kva,
         ROW_NUMBER() OVER (PARTITION BY s.account_id ORDER BY d.day) AS day_no
  FROM suspension AS s
  INNER JOIN core.calendar AS d
    ON d.day >= GREATEST(s.start_on, CAST(DATE_TRUNC('year', $as_of) AS DATE))
   AND d.day <= LEAST(COALESCE(s.last_on, $as_of), $as_of)
  GROUP BY s.account_id, d.day
),
day AS (
  SELECT o.account_id, COUNT(*) AS days, EXACT_SUM(CASE WHEN o.day_no > $max_days THEN o.kva END) AS kva_days_over
  FROM out AS o
  GROUP BY o.account_id
)
SELECT t.account_id AS subject_id,
       t.account_id,
       COALESCE(d.days, 0) > $max_days OR t.times > $max_times AS flagged,
       CASE WHEN a.demand_basis = 'capacity' AND d.days > $max_days
            THEN MONEY(p.unit_price * d.kva_days_over / 30.0)
       END AS at_stake_amount,
       COALESCE(d.days, 0) AS days,
       $max_days AS max_days,
       t.times,
       $max_times AS max_times,
       t.suspended_kva,
       d.kva_days_over,
       t.first_change_id,
       p.unit_price AS capacity_price
FROM total AS t
LEFT JOIN day AS d ON d.account_id = t.account_id
LEFT JOIN source.account AS a ON a.account_id = t.account_id
LEFT JOIN core.price_in_force AS p ON p.tariff_code = a.tariff_code AND p.component = 'capacity'
