/*
grain: one row per account and day on which suspensions or reductions take kVA off its capacity charge, from the January before the bills of the 11 months before P on
key: [account_id, day]
purpose: >-
  What frees from the capacity charge. A suspension that is shorter than a suspension may be takes nothing off, and neither
  does one on the days after those that a calendar year may have; what is suspended and for how long is in
  facts.suspension_day.
columns:
  account_id: {type: string, doc: The supply account.}
  day: {type: date, doc: Local day.}
  relief_kva: {type: double, doc: kVA that pay no capacity charge on this day.}
params:
  min_days: {same_as: BUS-03.min_days}
  max_days: {same_as: BUS-02.max_days}
*/
WITH calendar AS (
  SELECT calendar.day
  FROM core.calendar
  WHERE
    calendar.day >= CAST(DATE_TRUNC('year', ADD_MONTHS($period, -12)) AS DATE)
    AND calendar.day <= GREATEST($as_of, $period_end)
),

taken AS (
  SELECT
    capacity_out.account_id,
    calendar.day,
    EXACT_SUM(capacity_out.capacity_kva) FILTER (WHERE capacity_out.kind = 'suspend') AS suspended_kva,
    COALESCE(EXACT_SUM(capacity_out.capacity_kva) FILTER (WHERE capacity_out.kind = 'reduce'), 0)
      AS reduced_kva
  FROM core.capacity_out
  JOIN calendar
    ON calendar.day >= capacity_out.start_on
    AND (capacity_out.last_on IS NULL OR calendar.day <= capacity_out.last_on)
  -- How long one lasts that has no end yet cannot be said; it is taken for long enough.
  WHERE
    capacity_out.kind = 'reduce'
    OR capacity_out.last_on IS NULL
    OR DATE_DIFF('day', capacity_out.start_on, capacity_out.last_on) + 1 >= ON_DAY($min_days, calendar.day)
  GROUP BY capacity_out.account_id, calendar.day
),

counted AS (
  SELECT
    taken.account_id,
    taken.day,
    taken.reduced_kva,
    CASE
      WHEN
        COUNT(taken.suspended_kva)
          OVER (
            PARTITION BY taken.account_id, DATE_TRUNC('year', taken.day)
            ORDER BY taken.day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
          )
        <= ON_DAY($max_days, taken.day)
        THEN COALESCE(taken.suspended_kva, 0)
      ELSE 0
    END AS suspended_kva
  FROM taken
)

SELECT
  counted.account_id,
  counted.day,
  ROUND(counted.suspended_kva + counted.reduced_kva, 6) AS relief_kva
FROM counted
WHERE counted.suspended_kva + counted.reduced_kva > 0
