/*
grain: one row per local day of the calendar
key: [day]
purpose: When local days begin and end, and how long they are; 23 or 25 hours where the clock is changed.
view: true
columns:
  day: {type: date, doc: The local day.}
  starts_at: {type: timestamp, doc: Its first instant.}
  ends_at: {type: timestamp, doc: 'Its end, excluded.'}
  minutes: {type: integer, doc: Minutes that really pass in it.}
  start_s: {type: integer, doc: starts_at in seconds since 1970.}
  is_plain: {type: boolean, doc: 'Has 24 hours, so that the local hour is the hours since starts_at.'}
  is_working_day: {type: boolean, doc: As in core.calendar.}
*/
WITH edge AS (
  SELECT
    calendar.day,
    CAST(calendar.day AS TIMESTAMPTZ) AS starts_at,
    CAST(calendar.day + INTERVAL 1 DAY AS TIMESTAMPTZ) AS ends_at,
    calendar.is_working_day
  FROM core.calendar
),

counted AS (
  SELECT
    edge.day,
    edge.starts_at,
    edge.ends_at,
    UNIX_SECONDS(edge.starts_at) AS start_s,
    UNIX_SECONDS(edge.ends_at) AS end_s,
    edge.is_working_day
  FROM edge
)

SELECT
  counted.day,
  counted.starts_at,
  counted.ends_at,
  (counted.end_s - counted.start_s) // 60 AS minutes,
  counted.start_s,
  counted.end_s - counted.start_s = 86400 AS is_plain,
  counted.is_working_day
FROM counted
