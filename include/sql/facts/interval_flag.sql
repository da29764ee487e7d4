/*
grain: one row per metering point and interval that is not there or cannot be believed
key: [metering_point_id, start_s]
purpose: >-
  Validation. Only days whose roll-up shows something odd are looked at interval by interval, so a clean month costs
  nothing. A day is judged by the days before it, a run that stands still by its hours, and a gap is one once the point is
  heard of again: so a day that is closed says the same for ever, and only late or changed intervals open it again.
columns:
  metering_point_id: {type: string, doc: The point.}
  day: {type: date, doc: Local day.}
  found_on: {type: date, doc: 'Day whose intervals show it: the day itself, or of a gap the one on which intervals come again.'}
  start_s: {type: integer, doc: Start of the interval in seconds since 1970.}
  slot_s: {type: integer, doc: Seconds from the start of the day.}
  interval_minutes: {type: integer, doc: Its length.}
  is_working_day: {type: boolean, doc: Kind of the day.}
  flag: {type: string, doc: 'gap (no row), missing (no kwh), suspect, negative, over_capacity, spike or stuck; the first that holds.'}
  original_kwh: {type: double, doc: As handed over.}
  original_quality: {type: string, doc: As handed over.}
incremental:
  by: found_on
  reads:
    source.interval_reading: {}
    facts.interval_daily: {back_days: back_days}
    facts.still_daily: {back_hours: stuck_hours, ahead_hours: stuck_hours}
    facts.point_limit: {key: metering_point_id}
params:
  capacity_times: {type: number, default: 1.5, minimum: 0, doc: Contracted kVA above which a mean power cannot be.}
  spike_times: {type: number, default: 10, minimum: 1, doc: Times the median of the daily maxima above which a power is a spike.}
  spike_min_kw: {type: number, default: 2, minimum: 0, doc: Power below which nothing is a spike.}
  spike_days: {same_as: facts.point_limit.first_days}
  stuck_hours: {type: number, default: 24, minimum: 12, doc: Hours of one and the same kwh above 0 that are not believed.}
  back_days: {type: integer, default: 31, minimum: 7, doc: 'Days before a day whose maxima, with its own, it is judged by; a point that was silent for longer is there anew, with no gap before.'}
*/
WITH placed AS (
  SELECT
    interval_daily.metering_point_id,
    interval_daily.day,
    interval_daily.first_s,
    interval_daily.last_s,
    interval_daily.highest_kw,
    point_limit.installed_on,
    $capacity_times * point_limit.contracted_kva AS capacity_kw,
    point_limit.first_kw,
    interval_daily.intervals < interval_daily.expected
    AND interval_daily.day >= COALESCE(point_limit.installed_on, interval_daily.day) AS has_gap,
    interval_daily.measured + interval_daily.estimated < interval_daily.intervals
    OR interval_daily.lowest_kwh < 0
    OR (
      interval_daily.measured + interval_daily.estimated < interval_daily.expected
      AND interval_daily.day >= COALESCE(point_limit.installed_on, interval_daily.day)
    ) AS is_odd,
    CAST(ROUND(RATIO(interval_daily.minutes, interval_daily.intervals)) AS BIGINT) AS slot_minutes,
    LAG(interval_daily.day) OVER w AS last_day,
    LAG(interval_daily.last_s) OVER w AS before_last_s,
    LAG(interval_daily.intervals < interval_daily.expected) OVER w AS before_has_gap,
    LAG(CAST(ROUND(RATIO(interval_daily.minutes, interval_daily.intervals)) AS BIGINT)) OVER w
      AS before_slot_minutes,
    COUNT(*) OVER recent AS recent_days,
    MIN(interval_daily.max_kw) OVER recent AS least_kw
  FROM facts.interval_daily
  LEFT JOIN facts.point_limit ON point_limit.metering_point_id = interval_daily.metering_point_id
  WINDOW
    w AS (
      PARTITION BY interval_daily.metering_point_id
      ORDER BY DATE_DIFF('day', CAST('2000-01-01' AS DATE), interval_daily.day)
    ),
    recent AS (
      PARTITION BY interval_daily.metering_point_id
      ORDER BY DATE_DIFF('day', CAST('2000-01-01' AS DATE), interval_daily.day)
      RANGE BETWEEN ($back_days) PRECEDING AND CURRENT ROW
    )
),

-- The median is taken of days only that are far above their least one, which no median is below.
usual AS (
  SELECT
    placed.metering_point_id,
    placed.day,
    MEDIAN(interval_daily.max_kw) AS usual_kw
  FROM placed
  JOIN facts.interval_daily
    ON interval_daily.metering_point_id = placed.metering_point_id
    AND interval_daily.day <= placed.day
    AND DATE_DIFF('day', interval_daily.day, placed.day) <= $back_days
  WHERE
    placed.recent_days >= $spike_days
    AND placed.highest_kw > $spike_min_kw
    AND placed.highest_kw > $spike_times * placed.least_kw
  GROUP BY placed.metering_point_id, placed.day
),

step AS (
  SELECT
    still_daily.metering_point_id,
    still_daily.day,
    still_daily.start_s,
    still_daily.end_s,
    still_daily.minutes,
    still_daily.kwh,
    LAG(still_daily.kwh) OVER w AS last_kwh,
    LAG(still_daily.end_s) OVER w AS last_end_s
  FROM facts.still_daily
  WINDOW w AS (PARTITION BY still_daily.metering_point_id ORDER BY still_daily.start_s)
),

numbered AS (
  SELECT
    step.metering_point_id,
    step.day,
    step.start_s,
    step.end_s,
    step.minutes,
    SUM(CASE WHEN step.kwh = step.last_kwh AND step.start_s = step.last_end_s THEN 0 ELSE 1 END) OVER (
      PARTITION BY step.metering_point_id
      ORDER BY step.start_s ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS run_no
  FROM step
),

run AS (
  SELECT
    numbered.metering_point_id,
    numbered.run_no,
    MIN(numbered.start_s) AS start_s,
    MAX(numbered.end_s) AS end_s
  FROM numbered
  GROUP BY numbered.metering_point_id, numbered.run_no
  HAVING SUM(numbered.minutes) >= 60 * $stuck_hours
),

stuck_day AS (
  SELECT DISTINCT
    numbered.metering_point_id,
    numbered.day
  FROM numbered
  JOIN run ON run.metering_point_id = numbered.metering_point_id AND run.run_no = numbered.run_no
),

judged AS (
  SELECT
    placed.metering_point_id,
    placed.day,
    placed.highest_kw,
    placed.is_odd,
    placed.capacity_kw,
    stuck_day.day IS NOT NULL AS is_stuck,
    CASE
      WHEN placed.recent_days < $spike_days THEN GREATEST($spike_times * placed.first_kw, $spike_min_kw)
      ELSE GREATEST($spike_times * usual.usual_kw, $spike_min_kw)
    END AS spike_kw,
    COALESCE(placed.recent_days < $spike_days AND placed.first_kw IS NOT NULL, FALSE)
    OR usual.usual_kw IS NOT NULL AS knows_usual
  FROM placed
  LEFT JOIN usual ON usual.metering_point_id = placed.metering_point_id AND usual.day = placed.day
  LEFT JOIN stuck_day
    ON stuck_day.metering_point_id = placed.metering_point_id AND stuck_day.day = placed.day
),

odd_day AS (
  SELECT
    judged.metering_point_id,
    judged.day,
    judged.capacity_kw,
    CASE WHEN judged.knows_usual THEN judged.spike_kw END AS spike_kw,
    judged.is_stuck
  FROM judged
  WHERE
    judged.is_odd
    OR judged.is_stuck
    OR judged.highest_kw > judged.capacity_kw
    OR (judged.knows_usual AND judged.highest_kw > judged.spike_kw)
),

present AS (
  SELECT
    interval_reading.metering_point_id,
    interval_reading.day,
    UNIX_SECONDS(interval_reading.interval_start) AS start_s,
    interval_reading.interval_minutes,
    interval_reading.kwh AS original_kwh,
    interval_reading.quality AS original_quality,
    odd_day.is_stuck,
    CASE
      WHEN interval_reading.kwh IS NULL THEN 'missing'
      WHEN interval_reading.quality NOT IN ('measured', 'estimated') THEN 'suspect'
      WHEN interval_reading.kwh < 0 THEN 'negative'
      WHEN
        interval_reading.kwh * 60 > odd_day.capacity_kw * interval_reading.interval_minutes
        THEN 'over_capacity'
      WHEN interval_reading.kwh * 60 > odd_day.spike_kw * interval_reading.interval_minutes THEN 'spike'
    END AS flag
  FROM odd_day
  JOIN source.interval_reading
    ON interval_reading.metering_point_id = odd_day.metering_point_id AND interval_reading.day = odd_day.day
),

stuck AS (
  SELECT
    present.metering_point_id,
    present.start_s
  FROM present
  JOIN run
    ON run.metering_point_id = present.metering_point_id
    AND present.start_s >= run.start_s
    AND present.start_s < run.end_s
  WHERE present.is_stuck AND present.flag IS NULL
),

-- Where slots without an interval are gaps: in a day, in the rest of the last day before it that has some,
-- and in the whole days between. Before the first interval of a point and after its last there is none: it
-- was not there, or has not arrived.
gap_day AS (
  SELECT
    placed.metering_point_id,
    placed.day,
    placed.day AS found_on,
    placed.slot_minutes,
    CASE WHEN DATE_DIFF('day', placed.last_day, placed.day) <= $back_days THEN 0 ELSE placed.first_s END
      AS after_s,
    placed.last_s AS before_s
  FROM placed
  WHERE placed.has_gap
  UNION ALL
  SELECT
    placed.metering_point_id,
    placed.last_day AS day,
    placed.day AS found_on,
    placed.before_slot_minutes AS slot_minutes,
    placed.before_last_s AS after_s,
    placed.first_s AS before_s
  FROM placed
  WHERE
    placed.before_has_gap
    AND DATE_DIFF('day', placed.last_day, placed.day) <= $back_days
    AND placed.last_day >= COALESCE(placed.installed_on, placed.last_day)
  UNION ALL
  SELECT
    placed.metering_point_id,
    day_clock.day,
    placed.day AS found_on,
    placed.before_slot_minutes AS slot_minutes,
    placed.before_last_s AS after_s,
    placed.first_s AS before_s
  FROM placed
  JOIN core.day_clock ON day_clock.day > placed.last_day AND day_clock.day < placed.day
  WHERE
    DATE_DIFF('day', placed.last_day, placed.day) > 1
    AND DATE_DIFF('day', placed.last_day, placed.day) <= $back_days
    AND day_clock.day > COALESCE(placed.installed_on, placed.last_day)
),

digit AS (
  SELECT numbers.n FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS numbers (n)
),

slot AS (
  SELECT
    gap_day.metering_point_id,
    gap_day.day,
    gap_day.found_on,
    gap_day.after_s,
    gap_day.before_s,
    day_clock.start_s + 60 * gap_day.slot_minutes * (10 * tens.n + units.n) AS start_s,
    gap_day.slot_minutes
  FROM gap_day
  JOIN core.day_clock ON day_clock.day = gap_day.day
  JOIN digit AS tens ON 10 * tens.n * gap_day.slot_minutes < day_clock.minutes
  JOIN digit AS units ON (10 * tens.n + units.n) * gap_day.slot_minutes < day_clock.minutes
  WHERE gap_day.slot_minutes > 0
),

flagged AS (
  SELECT
    present.metering_point_id,
    present.day,
    present.day AS found_on,
    present.start_s,
    present.interval_minutes,
    COALESCE(present.flag, 'stuck') AS flag,
    present.original_kwh,
    present.original_quality
  FROM present
  LEFT JOIN stuck ON stuck.metering_point_id = present.metering_point_id AND stuck.start_s = present.start_s
  WHERE present.flag IS NOT NULL OR stuck.metering_point_id IS NOT NULL
  UNION ALL
  SELECT
    slot.metering_point_id,
    slot.day,
    slot.found_on,
    slot.start_s,
    slot.slot_minutes AS interval_minutes,
    'gap' AS flag,
    CAST(NULL AS DOUBLE) AS original_kwh,
    CAST(NULL AS VARCHAR) AS original_quality
  FROM slot
  LEFT JOIN present ON present.metering_point_id = slot.metering_point_id AND present.start_s = slot.start_s
  WHERE present.metering_point_id IS NULL AND slot.start_s > slot.after_s AND slot.start_s < slot.before_s
)

SELECT
  flagged.metering_point_id,
  flagged.day,
  flagged.found_on,
  flagged.start_s,
  flagged.start_s - day_clock.start_s AS slot_s,
  flagged.interval_minutes,
  day_clock.is_working_day,
  flagged.flag,
  flagged.original_kwh,
  flagged.original_quality
FROM flagged
JOIN core.day_clock ON day_clock.day = flagged.day
