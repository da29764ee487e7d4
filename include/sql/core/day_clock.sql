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
  is_working_day: {type: boolean, doc: As in core.calendar.}
*/
SELECT c.day,
       CAST(c.day AS TIMESTAMPTZ) AS starts_at,
       CAST(c.day + INTERVAL 1 DAY AS TIMESTAMPTZ) AS ends_at,
       CAST(FLOOR((UNIX_SECONDS(CAST(c.day + INTERVAL 1 DAY AS TIMESTAMPTZ)) - UNIX_SECONDS(CAST(c.day AS TIMESTAMPTZ))) / 60) AS BIGINT) AS minutes,
       c.is_working_day
FROM core.calendar AS c
