/*
title: Suspended too long or too often in a year
zh: 年暂停超六个月或超两次
flags_zh: 审核日所在年度内，全部或部分暂停的天数（重叠只计一次，首尾计入）超过 max_days；或暂停次数超过 max_times（未规定次数的不限）。
what_to_do:
  en: >-
    Charge the capacity for the days beyond the limit, tell the customer, and end the suspension in the file
    where it has run out.
  zh: 超过期限的天数按规定计收基本电费并告知客户；暂停期满的，恢复计费容量。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: state
proof: none
moves: [days, kva_days_over, capacity_price]
basis: "供电营业规则 (2024-06-01; before: 1996)"
changed: [{from: 2024-06-01, what: "Suspensions as often as wanted; the sum of days in the calendar year stays."}]
flags: >-
  in as_of's calendar year up to as_of: days with any suspend row in force, whole or part (overlaps
  counted once, both ends included), above max_days, or more than max_times (empty: any number) suspend
  rows starting.
at_stake: >-
  sum over the days beyond max_days of capacity price x kVA suspended that day / days of its month, where the
  account pays by capacity
params:
  max_days: {type: integer, default: 183, minimum: 0, doc: Days in a calendar year with a suspension.}
  max_times:
    type: integer
    default: [{value: 2}, {from: 2024-06-01, value: null}]
    minimum: 0
    doc: Suspensions that may start in a calendar year; empty for any number.
messages:
  en:
    - "In this year capacity was suspended on {days} days, of {max_days} allowed, and {times} times, of {max_times} allowed."
    - "In this year capacity was suspended on {days} days; {max_days} are allowed."
  zh:
    - "本年累计暂停 {days} 天（上限 {max_days} 天）、{times} 次（上限 {max_times} 次）。"
    - "本年累计暂停 {days} 天，上限 {max_days} 天。"
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
    EXACT_SUM(CASE WHEN out.day_no > $max_days THEN out.kva END) AS kva_days_over,
    EXACT_SUM(
      CASE WHEN out.day_no > $max_days THEN out.kva / NULLIF(EXTRACT(DAY FROM LAST_DAY(out.day)), 0) END
    ) AS kva_months_over
  FROM out
  GROUP BY out.account_id
)

SELECT
  total.account_id AS subject_id,
  total.account_id,
  COALESCE(day.days, 0) > $max_days OR COALESCE(total.times > $max_times, FALSE) AS flagged,
  CASE
    WHEN account.demand_basis = 'capacity' AND tariff.is_two_part AND day.days > $max_days
      THEN MONEY(price_in_force.unit_price * day.kva_months_over)
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
LEFT JOIN source.tariff ON tariff.tariff_code = account.tariff_code
LEFT JOIN core.price_in_force
  ON price_in_force.tariff_code = account.tariff_code AND price_in_force.component = 'capacity'
