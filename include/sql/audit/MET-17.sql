/*
title: Meter clock off
zh: 电能表时钟超差
flags_zh: 执行分时电价账户的计量点，最近一次时钟异常告警偏差的绝对值超过 max_seconds 秒，且此后没有校时记录。
what_to_do:
  en: >-
    Set the clock remotely, or exchange the meter where it does not hold; look whether the months since were
    billed in the wrong hours.
  zh: 远程校时，校时无效的换表，并复核期间分时电费是否计错。
kind: exception
modes: [nightly]
subject: metering_point
severity: medium
judges: state
proof: same
site: true
flags: >-
  newest alarm of kind clock_error up to as_of with value_s above max_seconds by size, and no clock_set after it; the
  account's tariff is_time_of_use.
params:
  max_seconds: {type: number, default: 300, minimum: 0, doc: 'Seconds by which a clock may be off.'}
messages:
  en: "The clock was {error_s} seconds off on {alarm_on}, and nobody has set it since; {max_seconds} are allowed."
  zh: "{alarm_on} 时钟误差 {error_s} 秒（限值 {max_seconds} 秒），此后未校时。"
*/
WITH newest AS (
  SELECT
    meter_alarm.metering_point_id,
    meter_alarm.alarm_id,
    meter_alarm.occurred_at,
    meter_alarm.value_s,
    ROW_NUMBER() OVER (
      PARTITION BY meter_alarm.metering_point_id
      ORDER BY meter_alarm.occurred_at DESC, ABS(meter_alarm.value_s) DESC NULLS LAST, meter_alarm.alarm_id
    ) AS place
  FROM source.meter_alarm
  WHERE meter_alarm.kind = 'clock_error'
),

clock_set AS (
  SELECT
    meter_alarm.metering_point_id,
    MAX(meter_alarm.occurred_at) AS last_at
  FROM source.meter_alarm
  WHERE meter_alarm.kind = 'clock_set'
  GROUP BY meter_alarm.metering_point_id
),

provided AS (
  SELECT COUNT(*) > 0 AS is_provided FROM source.meter_alarm
)

SELECT
  metering_point.metering_point_id AS subject_id,
  metering_point.account_id,
  CASE
    WHEN newest.alarm_id IS NULL OR clock_set.last_at > newest.occurred_at THEN FALSE
    ELSE ABS(newest.value_s) > $max_seconds
  END AS flagged,
  CASE WHEN NOT provided.is_provided THEN 'not_provided' END AS not_checked,
  newest.alarm_id,
  CAST(newest.occurred_at AS DATE) AS alarm_on,
  newest.occurred_at,
  newest.value_s,
  ABS(newest.value_s) AS error_s,
  $max_seconds AS max_seconds,
  clock_set.last_at AS clock_set_at,
  account.tariff_code
FROM source.metering_point
JOIN source.account ON account.account_id = metering_point.account_id
JOIN source.tariff ON tariff.tariff_code = account.tariff_code AND tariff.is_time_of_use
CROSS JOIN provided
LEFT JOIN newest ON newest.metering_point_id = metering_point.metering_point_id AND newest.place = 1
LEFT JOIN clock_set ON clock_set.metering_point_id = metering_point.metering_point_id
