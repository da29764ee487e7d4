/*
grain: one row per metering point and local day with an interval that is believed
key: [metering_point_id, day]
purpose: >-
  The day of a metering point by hour: mean power of the measured and estimated intervals of each hour of the local day.
  Negative and missing intervals are left out. A month of it is read in place of thirty times as many intervals.
columns:
  metering_point_id: {type: string, doc: The point.}
  day: {type: date, doc: Local day on which the intervals start.}
  h00: {type: double, doc: 'Mean kW from 0:00, 6 places; empty without a reading.'}
  h01: {type: double, doc: 'Mean kW from 1:00, 6 places; empty without a reading.'}
  h02: {type: double, doc: 'Mean kW from 2:00, 6 places; empty without a reading.'}
  h03: {type: double, doc: 'Mean kW from 3:00, 6 places; empty without a reading.'}
  h04: {type: double, doc: 'Mean kW from 4:00, 6 places; empty without a reading.'}
  h05: {type: double, doc: 'Mean kW from 5:00, 6 places; empty without a reading.'}
  h06: {type: double, doc: 'Mean kW from 6:00, 6 places; empty without a reading.'}
  h07: {type: double, doc: 'Mean kW from 7:00, 6 places; empty without a reading.'}
  h08: {type: double, doc: 'Mean kW from 8:00, 6 places; empty without a reading.'}
  h09: {type: double, doc: 'Mean kW from 9:00, 6 places; empty without a reading.'}
  h10: {type: double, doc: 'Mean kW from 10:00, 6 places; empty without a reading.'}
  h11: {type: double, doc: 'Mean kW from 11:00, 6 places; empty without a reading.'}
  h12: {type: double, doc: 'Mean kW from 12:00, 6 places; empty without a reading.'}
  h13: {type: double, doc: 'Mean kW from 13:00, 6 places; empty without a reading.'}
  h14: {type: double, doc: 'Mean kW from 14:00, 6 places; empty without a reading.'}
  h15: {type: double, doc: 'Mean kW from 15:00, 6 places; empty without a reading.'}
  h16: {type: double, doc: 'Mean kW from 16:00, 6 places; empty without a reading.'}
  h17: {type: double, doc: 'Mean kW from 17:00, 6 places; empty without a reading.'}
  h18: {type: double, doc: 'Mean kW from 18:00, 6 places; empty without a reading.'}
  h19: {type: double, doc: 'Mean kW from 19:00, 6 places; empty without a reading.'}
  h20: {type: double, doc: 'Mean kW from 20:00, 6 places; empty without a reading.'}
  h21: {type: double, doc: 'Mean kW from 21:00, 6 places; empty without a reading.'}
  h22: {type: double, doc: 'Mean kW from 22:00, 6 places; empty without a reading.'}
  h23: {type: double, doc: 'Mean kW from 23:00, 6 places; empty without a reading.'}
incremental: {by: day, reads: {source.interval_reading: {}}}
*/
WITH timed AS (
  SELECT
    interval_reading.metering_point_id,
    interval_reading.day,
    -- Whole millionths add up to the same sum in any order.
    ROUND(RATIO(interval_reading.kwh * 60000000, interval_reading.interval_minutes)) AS micro_kw,
    -- Asking a time zone for the hour costs more than all means together, so it is asked on odd days only.
    CASE
      WHEN day_clock.is_plain THEN (UNIX_SECONDS(interval_reading.interval_start) - day_clock.start_s) // 3600
      ELSE EXTRACT(HOUR FROM interval_reading.interval_start)
    END AS hour
  FROM source.interval_reading
  JOIN core.day_clock ON day_clock.day = interval_reading.day
  WHERE interval_reading.quality IN ('measured', 'estimated') AND interval_reading.kwh >= 0
)

SELECT
  timed.metering_point_id,
  timed.day,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 0) * 0.000001, 6) AS h00,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 1) * 0.000001, 6) AS h01,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 2) * 0.000001, 6) AS h02,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 3) * 0.000001, 6) AS h03,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 4) * 0.000001, 6) AS h04,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 5) * 0.000001, 6) AS h05,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 6) * 0.000001, 6) AS h06,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 7) * 0.000001, 6) AS h07,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 8) * 0.000001, 6) AS h08,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 9) * 0.000001, 6) AS h09,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 10) * 0.000001, 6) AS h10,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 11) * 0.000001, 6) AS h11,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 12) * 0.000001, 6) AS h12,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 13) * 0.000001, 6) AS h13,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 14) * 0.000001, 6) AS h14,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 15) * 0.000001, 6) AS h15,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 16) * 0.000001, 6) AS h16,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 17) * 0.000001, 6) AS h17,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 18) * 0.000001, 6) AS h18,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 19) * 0.000001, 6) AS h19,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 20) * 0.000001, 6) AS h20,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 21) * 0.000001, 6) AS h21,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 22) * 0.000001, 6) AS h22,
  ROUND(AVG(timed.micro_kw) FILTER (WHERE timed.hour = 23) * 0.000001, 6) AS h23
FROM timed
GROUP BY timed.metering_point_id, timed.day
