/*
grain: one row per metering point and interval that is not there or cannot be believed
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
  SELECT
    interval_daily.metering_point_id,
    MIN(interval_daily.day) AS first_day,
    MAX(interval_daily.day) AS last_day,
    COUNT(*) AS days,
    RATIO(SUM(interval_daily.minutes), SUM(interval_daily.intervals)) AS mean_minutes,
    MEDIAN(interval_daily.max_kw) AS typical_kw
  FROM facts.interval_daily
  GROUP BY interval_daily.metering_point_id
),

bound AS (
  SELECT
    span.metering_point_id,
    span.first_day,
    span.last_day,
    span.days,
    span.mean_minutes,
    GREATEST(span.first_day, COALESCE(metering_point.installed_on, span.first_day)) AS fill_from,
    $capacity_times * account.contracted_kva AS capacity_kw,
    CASE WHEN span.days >= $spike_days THEN GREATEST($spike_times * span.typical_kw, $spike_min_kw) END
      AS spike_kw,
    UNIX_SECONDS(interval_still.still_from) AS still_s,
    UNIX_SECONDS(interval_still.still_from) + 3600 * interval_still.still_hours AS still_end_s
  FROM span
  LEFT JOIN source.metering_point ON metering_point.metering_point_id = span.metering_point_id
  LEFT JOIN source.account ON account.account_id = metering_point.account_id
  LEFT JOIN facts.interval_still
    ON interval_still.metering_point_id = span.metering_point_id
    AND interval_still.still_hours >= $stuck_hours
),

odd_day AS (
  SELECT
    bound.metering_point_id,
    interval_daily.day,
    interval_daily.intervals < interval_daily.expected AND interval_daily.day >= bound.fill_from AS has_gap,
    CAST(ROUND(RATIO(interval_daily.minutes, interval_daily.intervals)) AS BIGINT) AS slot_minutes
  FROM facts.interval_daily
  JOIN bound ON bound.metering_point_id = interval_daily.metering_point_id
  JOIN core.day_clock ON day_clock.day = interval_daily.day
  WHERE
    (
      interval_daily.measured + interval_daily.estimated < interval_daily.expected
      AND interval_daily.day >= bound.fill_from
    )
    OR interval_daily.measured + interval_daily.estimated < interval_daily.intervals
    OR interval_daily.lowest_kwh < 0
    OR interval_daily.highest_kw > bound.capacity_kw
    OR interval_daily.highest_kw > bound.spike_kw
    OR (bound.still_s < day_clock.start_s + 60 * day_clock.minutes AND bound.still_end_s > day_clock.start_s)
  UNION ALL
  -- A whole day without a row, between the first and the last that have some.
  SELECT
    bound.metering_point_id,
    day_clock.day,
    TRUE AS has_gap,
    CAST(ROUND(bound.mean_minutes) AS BIGINT) AS slot_minutes
  FROM bound
  JOIN core.day_clock ON day_clock.day > bound.fill_from AND day_clock.day < bound.last_day
  LEFT JOIN facts.interval_daily
    ON interval_daily.metering_point_id = bound.metering_point_id AND interval_daily.day = day_clock.day
  WHERE
    bound.days < DATE_DIFF('day', bound.first_day, bound.last_day) + 1
    AND interval_daily.metering_point_id IS NULL
),

present AS (
  SELECT
    interval_reading.metering_point_id,
    interval_reading.day,
    UNIX_SECONDS(interval_reading.interval_start) AS start_s,
    interval_reading.interval_minutes,
    interval_reading.kwh AS original_kwh,
    interval_reading.quality AS original_quality,
    CASE
      WHEN interval_reading.kwh IS NULL THEN 'missing'
      WHEN interval_reading.quality NOT IN ('measured', 'estimated') THEN 'suspect'
      WHEN interval_reading.kwh < 0 THEN 'negative'
      WHEN
        interval_reading.kwh * 60 > bound.capacity_kw * interval_reading.interval_minutes
        THEN 'over_capacity'
      WHEN interval_reading.kwh * 60 > bound.spike_kw * interval_reading.interval_minutes THEN 'spike'
      WHEN
        UNIX_SECONDS(interval_reading.interval_start) >= bound.still_s
        AND UNIX_SECONDS(interval_reading.interval_start) < bound.still_end_s
        THEN 'stuck'
    END AS flag
  FROM odd_day
  JOIN source.interval_reading
    ON interval_reading.metering_point_id = odd_day.metering_point_id AND interval_reading.day = odd_day.day
  JOIN bound ON bound.metering_point_id = odd_day.metering_point_id
),

edge AS (
  SELECT
    present.metering_point_id,
    present.day,
    MIN(present.start_s) AS first_s,
    MAX(present.start_s) AS last_s
  FROM present
  GROUP BY present.metering_point_id, present.day
),

digit AS (
  SELECT numbers.n FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS numbers (n)
),

slot AS (
  SELECT
    odd_day.metering_point_id,
    odd_day.day,
    day_clock.start_s + 60 * odd_day.slot_minutes * (10 * tens.n + units.n) AS start_s,
    odd_day.slot_minutes
  FROM odd_day
  JOIN core.day_clock ON day_clock.day = odd_day.day
  JOIN digit AS tens ON 10 * tens.n * odd_day.slot_minutes < day_clock.minutes
  JOIN digit AS units ON (10 * tens.n + units.n) * odd_day.slot_minutes < day_clock.minutes
  WHERE odd_day.has_gap AND odd_day.slot_minutes > 0
),

flagged AS (
  SELECT
    present.metering_point_id,
    present.day,
    present.start_s,
    present.interval_minutes,
    present.flag,
    present.original_kwh,
    present.original_quality
  FROM present
  WHERE present.flag IS NOT NULL
  UNION ALL
  SELECT
    slot.metering_point_id,
    slot.day,
    slot.start_s,
    slot.slot_minutes AS interval_minutes,
    'gap' AS flag,
    CAST(NULL AS DOUBLE) AS original_kwh,
    CAST(NULL AS VARCHAR) AS original_quality
  FROM slot
  JOIN bound ON bound.metering_point_id = slot.metering_point_id
  LEFT JOIN edge ON edge.metering_point_id = slot.metering_point_id AND edge.day = slot.day
  LEFT JOIN present ON present.metering_point_id = slot.metering_point_id AND present.start_s = slot.start_s
  -- Before the first interval of a point and after its last there is no gap: it was not there, or has not
  -- arrived.
  WHERE
    present.metering_point_id IS NULL
    AND (slot.day > bound.first_day OR slot.start_s > edge.first_s)
    AND (slot.day < bound.last_day OR slot.start_s < edge.last_s)
)

SELECT
  flagged.metering_point_id,
  flagged.day,
  flagged.start_s,
  flagged.start_s - day_clock.start_s AS slot_s,
  flagged.interval_minutes,
  day_clock.is_working_day,
  flagged.flag,
  flagged.original_kwh,
  flagged.original_quality
FROM flagged
JOIN core.day_clock ON day_clock.day = flagged.day
