/*
grain: one row per live account with a day of P on which all intervals of its main points are measured
key: [account_id]
purpose: >-
  How an account uses its days, by days of P on which every interval of each of its main points installed by then is
  measured: workdays and other days apart.
columns:
  account_id: {type: string, doc: The supply account.}
  workdays: {type: integer, doc: Such days that are working days (core.calendar).}
  other_days: {type: integer, doc: Such days that are not.}
  workday_kwh: {type: double, doc: Energy of the workdays.}
  daytime_kwh: {type: double, doc: Part of it in intervals that start from 8:00 and before 18:00.}
  other_kwh: {type: double, doc: Energy of the other days.}
  period_kwh: {type: double, doc: 'Energy of the measured intervals of P, of whatever day.'}
incremental: {by: whole, reads: {facts.interval_daily: {from: period, to: period_end}}}
*/
WITH point AS (
  SELECT
    metering_point.metering_point_id,
    metering_point.account_id,
    COALESCE(metering_point.installed_on, $period) AS since
  FROM source.metering_point
  JOIN core.live_account ON live_account.account_id = metering_point.account_id
  WHERE metering_point.role = 'main'
),

-- Most accounts have one point that was there all along; the others are counted by the days on which they
-- came.
counted AS (
  SELECT
    point.account_id,
    COUNT(*) AS points,
    MAX(point.since) AS complete_since
  FROM point
  GROUP BY point.account_id
),

late AS (
  SELECT
    point.account_id,
    point.since
  FROM point
  JOIN counted ON counted.account_id = point.account_id AND counted.complete_since > $period
),

account_day AS (
  SELECT
    point.account_id,
    interval_daily.day,
    COUNT(*) FILTER (
      WHERE interval_daily.day >= point.since
      AND interval_daily.measured >= interval_daily.expected
      AND interval_daily.measured = interval_daily.intervals
    ) AS measured_points,
    EXACT_SUM(interval_daily.measured_kwh) AS kwh,
    EXACT_SUM(interval_daily.daytime_kwh) AS daytime_kwh
  FROM facts.interval_daily
  JOIN point ON point.metering_point_id = interval_daily.metering_point_id
  WHERE interval_daily.day >= $period AND interval_daily.day <= $period_end
  GROUP BY point.account_id, interval_daily.day
),

still_to_come AS (
  SELECT
    account_day.account_id,
    account_day.day,
    COUNT(*) AS points
  FROM account_day
  JOIN late ON late.account_id = account_day.account_id AND late.since > account_day.day
  GROUP BY account_day.account_id, account_day.day
),

judged AS (
  SELECT
    account_day.account_id,
    account_day.kwh,
    account_day.daytime_kwh,
    calendar.is_working_day,
    account_day.measured_points > 0
    AND account_day.measured_points = counted.points - COALESCE(still_to_come.points, 0) AS is_whole
  FROM account_day
  JOIN counted ON counted.account_id = account_day.account_id
  JOIN core.calendar ON calendar.day = account_day.day
  LEFT JOIN still_to_come
    ON still_to_come.account_id = account_day.account_id AND still_to_come.day = account_day.day
)

SELECT
  judged.account_id,
  COUNT(*) FILTER (WHERE judged.is_whole AND judged.is_working_day) AS workdays,
  COUNT(*) FILTER (WHERE judged.is_whole AND NOT judged.is_working_day) AS other_days,
  EXACT_SUM(judged.kwh) FILTER (WHERE judged.is_whole AND judged.is_working_day) AS workday_kwh,
  EXACT_SUM(judged.daytime_kwh) FILTER (WHERE judged.is_whole AND judged.is_working_day) AS daytime_kwh,
  EXACT_SUM(judged.kwh) FILTER (WHERE judged.is_whole AND NOT judged.is_working_day) AS other_kwh,
  EXACT_SUM(judged.kwh) AS period_kwh
FROM judged
GROUP BY judged.account_id
HAVING COUNT(*) FILTER (WHERE judged.is_whole) > 0
