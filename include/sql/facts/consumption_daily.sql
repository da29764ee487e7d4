/*
grain: one row a metering point and local day with an interval, handed over or estimated
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
*/
WITH placed AS (
  SELECT e.metering_point_id,
         e.day,
         e.interval_minutes,
         e.method,
         CASE WHEN e.original_quality IN ('measured', 'estimated') THEN e.original_kwh END AS counted_kwh,
         e.original_quality,
         CASE WHEN e.method <> 'kept' THEN e.kwh
              WHEN e.original_quality IN ('measured', 'estimated') THEN e.original_kwh END AS used_kwh,
         b.is_peak,
         b.is_valley,
         b.is_night
  FROM facts.interval_edit AS e
  JOIN core.day_clock AS c ON c.day = e.day
  JOIN core.hour_band AS b
    ON b.hour = CASE WHEN c.is_plain THEN e.slot_s // 3600 ELSE EXTRACT(HOUR FROM e.interval_start) END
),
change AS (
  SELECT p.metering_point_id,
         p.day,
         MIN(p.interval_minutes) AS interval_minutes,
         EXACT_SUM(COALESCE(p.used_kwh, 0) - COALESCE(p.counted_kwh, 0)) AS kwh,
         EXACT_SUM(CASE WHEN p.is_peak THEN COALESCE(p.used_kwh, 0) - COALESCE(p.counted_kwh, 0) END) AS peak_kwh,
         EXACT_SUM(CASE WHEN p.is_valley THEN COALESCE(p.used_kwh, 0) - COALESCE(p.counted_kwh, 0) END) AS valley_kwh,
         EXACT_SUM(CASE WHEN p.is_night THEN COALESCE(p.used_kwh, 0) - COALESCE(p.counted_kwh, 0) END) AS night_kwh,
         MAX(RATIO(p.used_kwh * 60, p.interval_minutes)) AS max_kw,
         COUNT(*) FILTER (WHERE p.method <> 'kept') AS edits,
         COUNT(p.counted_kwh) FILTER (WHERE p.method <> 'kept' AND p.original_quality = 'measured') AS measured,
         COUNT(p.counted_kwh) FILTER (WHERE p.method <> 'kept' AND p.original_quality = 'estimated') AS estimated,
         BOOL_OR(p.method <> 'kept' AND p.counted_kwh IS NOT NULL) AS takes_away
  FROM placed AS p
  GROUP BY p.metering_point_id, p.day
),
-- Where an interval that counted was replaced, the day's maximum is taken again without it.
kept_max AS (
  SELECT r.metering_point_id, r.day, MAX(RATIO(r.kwh * 60, r.interval_minutes)) AS max_kw
  FROM change AS c
  JOIN source.interval_reading AS r ON r.metering_point_id = c.metering_point_id AND r.day = c.day
  LEFT JOIN facts.interval_edit AS e
    ON e.metering_point_id = r.metering_point_id AND e.start_s = UNIX_SECONDS(r.interval_start) AND e.method <> 'kept'
  WHERE c.takes_away AND r.quality IN ('measured', 'estimated') AND e.metering_point_id IS NULL
  GROUP BY r.metering_point_id, r.day
),
point_day AS (
  SELECT d.metering_point_id, d.day FROM facts.interval_daily AS d
  UNION
  SELECT c.metering_point_id, c.day FROM change AS c
),
joined AS (
  SELECT k.metering_point_id,
         k.day,
         CASE WHEN d.kwh IS NULL AND c.max_kw IS NULL THEN NULL ELSE COALESCE(d.kwh, 0) + COALESCE(c.kwh, 0) END AS kwh,
         COALESCE(d.peak_kwh, 0) + COALESCE(c.peak_kwh, 0) AS peak_kwh,
         COALESCE(d.valley_kwh, 0) + COALESCE(c.valley_kwh, 0) AS valley_kwh,
         COALESCE(d.night_kwh, 0) + COALESCE(c.night_kwh, 0) AS night_kwh,
         CASE WHEN c.takes_away THEN GREATEST(COALESCE(m.max_kw, c.max_kw), COALESCE(c.max_kw, m.max_kw))
              ELSE GREATEST(COALESCE(d.max_kw, c.max_kw), COALESCE(c.max_kw, d.max_kw)) END AS max_kw,
         CASE WHEN p.installed_on > k.day THEN 0
              ELSE COALESCE(d.expected, CAST(ROUND(RATIO(t.minutes, c.interval_minutes)) AS BIGINT)) END AS expected,
         COALESCE(d.measured, 0) - COALESCE(c.measured, 0) AS measured,
         COALESCE(d.estimated, 0) - COALESCE(c.estimated, 0) + COALESCE(c.edits, 0) AS estimated,
         COALESCE(RATIO(d.minutes, d.intervals), c.interval_minutes) AS slot_minutes
  FROM point_day AS k
  LEFT JOIN facts.interval_daily AS d ON d.metering_point_id = k.metering_point_id AND d.day = k.day
  LEFT JOIN change AS c ON c.metering_point_id = k.metering_point_id AND c.day = k.day
  LEFT JOIN kept_max AS m ON m.metering_point_id = k.metering_point_id AND m.day = k.day
  LEFT JOIN source.metering_point AS p ON p.metering_point_id = k.metering_point_id
  LEFT JOIN core.day_clock AS t ON t.day = k.day
)
SELECT j.metering_point_id,
       j.day,
       j.kwh,
       CASE WHEN j.kwh IS NOT NULL THEN j.peak_kwh END AS peak_kwh,
       CASE WHEN j.kwh IS NOT NULL THEN j.valley_kwh END AS valley_kwh,
       CASE WHEN j.kwh IS NOT NULL THEN j.night_kwh END AS night_kwh,
       j.max_kw,
       j.expected,
       j.measured,
       j.estimated,
       (j.measured + j.estimated) * j.slot_minutes / 60 AS hours
FROM joined AS j
