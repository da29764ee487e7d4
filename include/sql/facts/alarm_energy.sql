/*
grain: one row per metering point and day of P with an alarm that may mean a loss of energy
key: [metering_point_id, day]
purpose: >-
  What a point measured in the days before an alarm and in those after it; the day itself belongs to neither. A day counts
  where an interval of it was measured.
columns:
  metering_point_id: {type: string, doc: The point.}
  day: {type: date, doc: Local day of the alarm.}
  alarm_id: {type: string, doc: The first alarm of that day.}
  alarm_kind: {type: string, doc: Its kind.}
  occurred_at: {type: timestamp, doc: Its time.}
  days_before: {type: integer, doc: Days with measured energy among the window_days before the day.}
  before_kwh: {type: double, doc: Mean measured energy of these days.}
  days_after: {type: integer, doc: Days with measured energy among the window_days after the day.}
  after_kwh: {type: double, doc: Mean measured energy of these days.}
params:
  window_days: {same_as: MET-16.window_days}
*/
WITH alarm AS (
  SELECT
    meter_alarm.metering_point_id,
    meter_alarm.alarm_id,
    meter_alarm.kind,
    meter_alarm.occurred_at,
    CAST(meter_alarm.occurred_at AS DATE) AS day
  FROM source.meter_alarm
  WHERE
    meter_alarm.kind IN ('cover_open', 'magnetic_field', 'current_loss', 'voltage_loss', 'reverse_current')
    AND CAST(meter_alarm.occurred_at AS DATE) >= $period
    AND CAST(meter_alarm.occurred_at AS DATE) <= $period_end
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY meter_alarm.metering_point_id, CAST(meter_alarm.occurred_at AS DATE)
        ORDER BY meter_alarm.occurred_at, meter_alarm.alarm_id
      )
    = 1
),

around AS (
  SELECT
    alarm.metering_point_id,
    alarm.day,
    COUNT(*) FILTER (WHERE interval_daily.day < alarm.day) AS days_before,
    EXACT_AVG(interval_daily.measured_kwh) FILTER (WHERE interval_daily.day < alarm.day) AS before_kwh,
    COUNT(*) FILTER (WHERE interval_daily.day > alarm.day) AS days_after,
    EXACT_AVG(interval_daily.measured_kwh) FILTER (WHERE interval_daily.day > alarm.day) AS after_kwh
  FROM alarm
  JOIN facts.interval_daily ON interval_daily.metering_point_id = alarm.metering_point_id
  WHERE
    interval_daily.measured_kwh IS NOT NULL
    AND interval_daily.day >= ADD_MONTHS($period, -1)
    AND interval_daily.day <= ADD_MONTHS($period_end, 1)
    AND ABS(DATE_DIFF('day', alarm.day, interval_daily.day)) <= $window_days
  GROUP BY alarm.metering_point_id, alarm.day
)

SELECT
  alarm.metering_point_id,
  alarm.day,
  alarm.alarm_id,
  alarm.kind AS alarm_kind,
  alarm.occurred_at,
  COALESCE(around.days_before, 0) AS days_before,
  around.before_kwh,
  COALESCE(around.days_after, 0) AS days_after,
  around.after_kwh
FROM alarm
LEFT JOIN around ON around.metering_point_id = alarm.metering_point_id AND around.day = alarm.day
