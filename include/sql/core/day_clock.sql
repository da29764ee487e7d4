/*
grain: one row a local day of the calendar
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
  SELECT c.day,
         CAST(c.day AS TIMESTAMPTZ) AS starts_at,
         CAST(c.day + INTERVAL 1 DAY AS TIMESTAMPTZ) AS ends_at,
         c.is_working_day
  FROM core.calendar AS c
),
counted AS (
  SELECT e.day, e.starts_at, e.ends_at, UNIX_SECONDS(e.starts_at) AS start_s, UNIX_SECONDS(e.ends_at) AS end_s, e.is_working_day
  FROM edge AS e
)
SELECT c.day,
       c.starts_at,
       c.ends_at,
       (c.end_s - c.start_s) // 60 AS minutes,
       c.start_s,
       c.end_s - c.start_s = 86400 AS is_plain,
       c.is_working_day
FROM counted AS c
