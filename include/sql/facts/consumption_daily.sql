/*
grain: one row per metering point and local day with an interval, handed over or estimated
key: [metering_point_id, day]
purpose: What was used, after validation and editing. Profiles, marts and models read this; the rules on what was handed over read facts.interval_daily.
columns:
  metering_point_id: {type: string, doc: The point.}
  day: {type: date, doc: Local day.}
  kwh: {type: double, doc: Energy used.}
  peak_kwh: {type: double, doc: In peak hours.}
  valley_kwh: {type: double, doc: In valley hours.}
  night_kwh: {type: double, doc: At night.}
  max_kw: {type: double, doc: Highest mean power of an interval that was not refused.}
  expected: {type: integer, doc: 'Intervals of the day; 0 before installed_on.'}
  measured: {type: integer, doc: Measured ones that were kept.}
  estimated: {type: integer, doc: 'Estimated ones, by the source or by editing.'}
  hours: {type: double, doc: Hours that measured and estimated ones cover.}
incremental:
  by: day
  reads:
    source.interval_reading: {}
    facts.interval_daily: {}
    facts.interval_edit: {rows: true}
    facts.point_limit: {key: metering_point_id}
*/
WITH placed AS (
  SELECT
    interval_edit.metering_point_id,
    interval_edit.day,
    interval_edit.interval_minutes,
    interval_edit.method,
    CASE WHEN interval_edit.original_quality IN ('measured', 'estimated') THEN interval_edit.original_kwh END
      AS counted_kwh,
    interval_edit.original_quality,
    CASE
      WHEN interval_edit.method <> 'kept' THEN interval_edit.kwh
      WHEN interval_edit.original_quality IN ('measured', 'estimated') THEN interval_edit.original_kwh
    END AS used_kwh,
    hour_band.is_peak,
    hour_band.is_valley,
    hour_band.is_night
  FROM facts.interval_edit
  JOIN core.day_clock ON day_clock.day = interval_edit.day
  JOIN core.hour_band
    ON hour_band.hour
    = CASE
      WHEN day_clock.is_plain THEN interval_edit.slot_s // 3600 ELSE
        EXTRACT(HOUR FROM interval_edit.interval_start)
    END
),

change AS (
  SELECT
    placed.metering_point_id,
    placed.day,
    MIN(placed.interval_minutes) AS interval_minutes,
    EXACT_SUM(COALESCE(placed.used_kwh, 0) - COALESCE(placed.counted_kwh, 0)) AS kwh,
    EXACT_SUM(
      CASE WHEN placed.is_peak THEN COALESCE(placed.used_kwh, 0) - COALESCE(placed.counted_kwh, 0) END
    ) AS peak_kwh,
    EXACT_SUM(
      CASE WHEN placed.is_valley THEN COALESCE(placed.used_kwh, 0) - COALESCE(placed.counted_kwh, 0) END
    ) AS valley_kwh,
    EXACT_SUM(
      CASE WHEN placed.is_night THEN COALESCE(placed.used_kwh, 0) - COALESCE(placed.counted_kwh, 0) END
    ) AS night_kwh,
    MAX(RATIO(placed.used_kwh * 60, placed.interval_minutes)) AS max_kw,
    COUNT(*) FILTER (WHERE placed.method <> 'kept') AS edits,
    COUNT(placed.counted_kwh) FILTER (WHERE placed.method <> 'kept' AND placed.original_quality = 'measured')
      AS measured,
    COUNT(placed.counted_kwh) FILTER (WHERE placed.method <> 'kept' AND placed.original_quality = 'estimated')
      AS estimated,
    BOOL_OR(placed.method <> 'kept' AND placed.counted_kwh IS NOT NULL) AS takes_away
  FROM placed
  GROUP BY placed.metering_point_id, placed.day
),

-- Where an interval that counted was replaced, the day's maximum is taken again without it.
kept_max AS (
  SELECT
    interval_reading.metering_point_id,
    interval_reading.day,
    MAX(RATIO(interval_reading.kwh * 60, interval_reading.interval_minutes)) AS max_kw
  FROM change
  JOIN source.interval_reading
    ON interval_reading.metering_point_id = change.metering_point_id AND interval_reading.day = change.day
  LEFT JOIN facts.interval_edit
    ON interval_edit.metering_point_id = interval_reading.metering_point_id
    AND interval_edit.start_s = UNIX_SECONDS(interval_reading.interval_start)
    AND interval_edit.method <> 'kept'
  WHERE
    change.takes_away
    AND interval_reading.quality IN ('measured', 'estimated')
    AND interval_edit.metering_point_id IS NULL
  GROUP BY interval_reading.metering_point_id, interval_reading.day
),

point_day AS (
  SELECT
    interval_daily.metering_point_id,
    interval_daily.day
  FROM facts.interval_daily
  UNION
  SELECT
    change.metering_point_id,
    change.day
  FROM change
),

joined AS (
  SELECT
    point_day.metering_point_id,
    point_day.day,
    CASE
      WHEN interval_daily.kwh IS NULL AND change.max_kw IS NULL THEN NULL ELSE
        COALESCE(interval_daily.kwh, 0) + COALESCE(change.kwh, 0)
    END AS kwh,
    COALESCE(interval_daily.peak_kwh, 0) + COALESCE(change.peak_kwh, 0) AS peak_kwh,
    COALESCE(interval_daily.valley_kwh, 0) + COALESCE(change.valley_kwh, 0) AS valley_kwh,
    COALESCE(interval_daily.night_kwh, 0) + COALESCE(change.night_kwh, 0) AS night_kwh,
    CASE
      WHEN
        change.takes_away
        THEN GREATEST(COALESCE(kept_max.max_kw, change.max_kw), COALESCE(change.max_kw, kept_max.max_kw))
      ELSE
        GREATEST(
          COALESCE(interval_daily.max_kw, change.max_kw), COALESCE(change.max_kw, interval_daily.max_kw)
        )
    END AS max_kw,
    CASE
      WHEN point_limit.installed_on > point_day.day THEN 0
      ELSE
        COALESCE(
          interval_daily.expected, CAST(ROUND(RATIO(day_clock.minutes, change.interval_minutes)) AS BIGINT)
        )
    END AS expected,
    COALESCE(interval_daily.measured, 0) - COALESCE(change.measured, 0) AS measured,
    COALESCE(interval_daily.estimated, 0)
    - COALESCE(change.estimated, 0)
    + COALESCE(change.edits, 0) AS estimated,
    COALESCE(RATIO(interval_daily.minutes, interval_daily.intervals), change.interval_minutes) AS slot_minutes
  FROM point_day
  LEFT JOIN facts.interval_daily
    ON interval_daily.metering_point_id = point_day.metering_point_id AND interval_daily.day = point_day.day
  LEFT JOIN change ON change.metering_point_id = point_day.metering_point_id AND change.day = point_day.day
  LEFT JOIN kept_max
    ON kept_max.metering_point_id = point_day.metering_point_id AND kept_max.day = point_day.day
  LEFT JOIN facts.point_limit ON point_limit.metering_point_id = point_day.metering_point_id
  LEFT JOIN core.day_clock ON day_clock.day = point_day.day
)

SELECT
  joined.metering_point_id,
  joined.day,
  joined.kwh,
  CASE WHEN joined.kwh IS NOT NULL THEN joined.peak_kwh END AS peak_kwh,
  CASE WHEN joined.kwh IS NOT NULL THEN joined.valley_kwh END AS valley_kwh,
  CASE WHEN joined.kwh IS NOT NULL THEN joined.night_kwh END AS night_kwh,
  joined.max_kw,
  joined.expected,
  joined.measured,
  joined.estimated,
  (joined.measured + joined.estimated) * joined.slot_minutes / 60 AS hours
FROM joined
