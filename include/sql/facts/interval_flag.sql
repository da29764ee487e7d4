/*
grain: one row a metering point and interval that is not there or cannot be believed
key: [metering_point_id, start_s]
purpose: Validation. Only days whose roll-up shows something odd are looked at interval by interval, so a clean month costs nothing.
columns:
  metering_point_id: {type: string, doc: The point.}
  day: {type: date, doc: Local day.}
  start_s: {type: integer, doc: Start of the interval in seconds since 1970.}
  slot_s: {type: integer, doc: Seconds from the start of the day.}
  interval_minutes: {type: integer, doc: Its length.}
  is_working_day: {type: boolean, doc: Kind of the day.}
  flag: {type: string, doc: 'gap (no row), missing (no kwh), suspect, negative, over_capacity, spike or stuck; the first that holds.'}
  original_kwh: {type: double, doc: As handed over.}
  original_quality: {type: string, doc: As handed over.}
params:
  capacity_times: {type: number, default: 1.5, minimum: 0, doc: Contracted kVA above which a mean power cannot be.}
  spike_times: {type: number, default: 10, minimum: 1, doc: Times the median of the daily maxima above which a power is a spike.}
  spike_min_kw: {type: number, default: 2, minimum: 0, doc: Power below which nothing is a spike.}
  spike_days: {type: integer, default: 7, minimum: 1, doc: Days a point needs before its median is believed.}
  stuck_hours: {type: number, default: 24, minimum: 12, doc: Hours of one and the same kwh above 0 that are not believed.}
*/
WITH span AS (
  SELECT d.metering_point_id,
         MIN(d.day) AS first_day,
         MAX(d.day) AS last_day,
         COUNT(*) AS days,
         RATIO(SUM(d.minutes), SUM(d.intervals)) AS mean_minutes,
         MEDIAN(d.max_kw) AS typical_kw
  FROM facts.interval_daily AS d
  GROUP BY d.metering_point_id
),
bound AS (
  SELECT s.metering_point_id,
         s.first_day,
         s.last_day,
         s.days,
         s.mean_minutes,
         GREATEST(s.first_day, COALESCE(p.installed_on, s.first_day)) AS fill_from,
         $capacity_times * a.contracted_kva AS capacity_kw,
         CASE WHEN s.days >= $spike_days THEN GREATEST($spike_times * s.typical_kw, $spike_min_kw) END AS spike_kw,
         UNIX_SECONDS(t.still_from) AS still_s,
         UNIX_SECONDS(t.still_from) + 3600 * t.still_hours AS still_end_s
  FROM span AS s
  LEFT JOIN source.metering_point AS p ON p.metering_point_id = s.metering_point_id
  LEFT JOIN source.account AS a ON a.account_id = p.account_id
  LEFT JOIN facts.interval_still AS t ON t.metering_point_id = s.metering_point_id AND t.still_hours >= $stuck_hours
),
odd_day AS (
  SELECT b.metering_point_id, d.day, d.intervals < d.expected AND d.day >= b.fill_from AS has_gap,
         CAST(ROUND(RATIO(d.minutes, d.intervals)) AS BIGINT) AS slot_minutes
  FROM facts.interval_daily AS d
  JOIN bound AS b ON b.metering_point_id = d.metering_point_id
  JOIN core.day_clock AS c ON c.day = d.day
  WHERE (d.measured + d.estimated < d.expected AND d.day >= b.fill_from)
     OR d.measured + d.estimated < d.intervals
     OR d.lowest_kwh < 0
     OR d.highest_kw > b.capacity_kw
     OR d.highest_kw > b.spike_kw
     OR (b.still_s < c.start_s + 60 * c.minutes AND b.still_end_s > c.start_s)
  UNION ALL
  -- A whole day without a row, between the first and the last that have some.
  SELECT b.metering_point_id, c.day, TRUE AS has_gap, CAST(ROUND(b.mean_minutes) AS BIGINT) AS slot_minutes
  FROM bound AS b
  JOIN core.day_clock AS c ON c.day > b.fill_from AND c.day < b.last_day
  LEFT JOIN facts.interval_daily AS d ON d.metering_point_id = b.metering_point_id AND d.day = c.day
  WHERE b.days < DATE_DIFF('day', b.first_day, b.last_day) + 1 AND d.metering_point_id IS NULL
),
present AS (
  SELECT r.metering_point_id,
         r.day,
         UNIX_SECONDS(r.interval_start) AS start_s,
         r.interval_minutes,
         r.kwh AS original_kwh,
         r.quality AS original_quality,
         CASE WHEN r.kwh IS NULL THEN 'missing'
              WHEN r.quality NOT IN ('measured', 'estimated') THEN 'suspect'
              WHEN r.kwh < 0 THEN 'negative'
              WHEN r.kwh * 60 > b.capacity_kw * r.interval_minutes THEN 'over_capacity'
              WHEN r.kwh * 60 > b.spike_kw * r.interval_minutes THEN 'spike'
              WHEN UNIX_SECONDS(r.interval_start) >= b.still_s AND UNIX_SECONDS(r.interval_start) < b.still_end_s THEN 'stuck'
         END AS flag
  FROM odd_day AS o
  JOIN source.interval_reading AS r ON r.metering_point_id = o.metering_point_id AND r.day = o.day
  JOIN bound AS b ON b.metering_point_id = o.metering_point_id
),
edge AS (
  SELECT p.metering_point_id, p.day, MIN(p.start_s) AS first_s, MAX(p.start_s) AS last_s
  FROM present AS p
  GROUP BY p.metering_point_id, p.day
),
digit AS (
  SELECT v.n FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS v(n)
),
slot AS (
  SELECT o.metering_point_id, o.day, c.start_s + 60 * o.slot_minutes * (10 * t.n + u.n) AS start_s, o.slot_minutes
  FROM odd_day AS o
  JOIN core.day_clock AS c ON c.day = o.day
  JOIN digit AS t ON 10 * t.n * o.slot_minutes < c.minutes
  JOIN digit AS u ON (10 * t.n + u.n) * o.slot_minutes < c.minutes
  WHERE o.has_gap AND o.slot_minutes > 0
),
flagged AS (
  SELECT p.metering_point_id, p.day, p.start_s, p.interval_minutes, p.flag, p.original_kwh, p.original_quality
  FROM present AS p
  WHERE p.flag IS NOT NULL
  UNION ALL
  SELECT s.metering_point_id, s.day, s.start_s, s.slot_minutes AS interval_minutes, 'gap' AS flag,
         CAST(NULL AS DOUBLE) AS original_kwh, CAST(NULL AS VARCHAR) AS original_quality
  FROM slot AS s
  JOIN bound AS b ON b.metering_point_id = s.metering_point_id
  LEFT JOIN edge AS e ON e.metering_point_id = s.metering_point_id AND e.day = s.day
  LEFT JOIN present AS p ON p.metering_point_id = s.metering_point_id AND p.start_s = s.start_s
  -- Before the first interval of a point and after its last there is no gap: it was not there, or has not arrived.
  WHERE p.metering_point_id IS NULL
    AND (s.day > b.first_day OR s.start_s > e.first_s)
    AND (s.day < b.last_day OR s.start_s < e.last_s)
)
SELECT f.metering_point_id,
       f.day,
       f.start_s,
       f.start_s - c.start_s AS slot_s,
       f.interval_minutes,
       c.is_working_day,
       f.flag,
       f.original_kwh,
       f.original_quality
FROM flagged AS f
JOIN core.day_clock AS c ON c.day = f.day
