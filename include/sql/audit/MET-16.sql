/*
title: Alarm and loss of energy together
zh: 计量异常事件
flags_zh: 审核月有开盖、磁场干扰、失流、失压或电流反向告警，且告警日后 window_days 天日均实测电量低于此前 window_days 天的 max_ratio（前后各不少于 10 天）。
what_to_do:
  en: >-
    Inspect meter and wiring on site with proof before anybody touches them; settle the energy since the
    alarm.
  zh: 保护现场并取证检查计量装置和接线，追补告警以来的电量。
kind: exception
modes: [nightly]
subject: metering_point
severity: high
judges: month
proof: next
site: true
moves: [days_since]
flags: >-
  an alarm of kind cover_open, magnetic_field, current_loss, voltage_loss or reverse_current in P, and the mean daily measured
  energy of the window_days after its day is below max_ratio of that of the window_days before that day (at least 10 days of
  each); alarms alone do not flag.
at_stake: (mean before less mean after) x days since x mean price
params:
  window_days: {type: integer, default: 14, minimum: 1, maximum: 28, doc: 'Days before and after the day of an alarm that are compared.'}
  max_ratio: {type: number, default: 0.6, minimum: 0, maximum: 1, doc: 'Mean energy after over that before, under which energy is lost.'}
  min_days: {type: integer, default: 10, minimum: 1, doc: 'Days with measured energy that there must be before and after.'}
messages:
  en: "After the alarm of {alarm_on} ({alarm_kind}) {after_kwh} kWh a day were measured, {after_share} of the {before_kwh} kWh a day before; below {max_after_share} is flagged."
  zh: "{alarm_on} 发生{alarm_kind}告警，此后日均电量 {after_kwh} kWh，为此前 {before_kwh} kWh 的 {after_share}，限值 {max_after_share}。"
*/
WITH judged AS (
  SELECT
    alarm_energy.metering_point_id,
    alarm_energy.day,
    alarm_energy.alarm_id,
    alarm_energy.alarm_kind,
    alarm_energy.occurred_at,
    alarm_energy.days_before,
    alarm_energy.before_kwh,
    alarm_energy.days_after,
    alarm_energy.after_kwh,
    alarm_energy.days_before >= $min_days AND alarm_energy.days_after >= $min_days AS is_judged,
    alarm_energy.days_before >= $min_days
    AND alarm_energy.days_after >= $min_days
    AND ROUND(alarm_energy.after_kwh - $max_ratio * alarm_energy.before_kwh, 6) < 0 AS is_lost
  FROM facts.alarm_energy
),

-- The alarm that a point is told by: the first after which energy was lost, else the first that can be
-- judged.
told AS (
  SELECT
    judged.metering_point_id,
    judged.day,
    judged.alarm_id,
    judged.alarm_kind,
    judged.occurred_at,
    judged.days_before,
    judged.before_kwh,
    judged.days_after,
    judged.after_kwh,
    judged.is_judged,
    judged.is_lost,
    COUNT(*) OVER (PARTITION BY judged.metering_point_id) AS alarm_days,
    ROW_NUMBER() OVER (
      PARTITION BY judged.metering_point_id
      ORDER BY
        CASE WHEN judged.is_lost THEN 0 WHEN judged.is_judged THEN 1 ELSE 2 END,
        judged.day
    ) AS place
  FROM judged
),

provided AS (
  SELECT COUNT(*) > 0 AS is_provided FROM source.meter_alarm
)

SELECT
  metering_point.metering_point_id AS subject_id,
  metering_point.account_id,
  COALESCE(told.is_lost, FALSE) AS flagged,
  CASE
    WHEN NOT provided.is_provided THEN 'not_provided'
    WHEN NOT told.is_judged THEN 'too_few_days'
  END AS not_checked,
  MONEY(
    (told.before_kwh - told.after_kwh) * DATE_DIFF('day', told.day, $as_of) * account_mean_price.mean_price
  ) AS at_stake_amount,
  told.alarm_id,
  told.alarm_kind,
  told.day AS alarm_on,
  told.occurred_at,
  told.alarm_days,
  told.days_before,
  told.before_kwh,
  told.days_after,
  told.after_kwh,
  ROUND(RATIO(told.after_kwh, told.before_kwh), 6) AS after_share,
  $max_ratio AS max_after_share,
  $window_days AS window_days,
  DATE_DIFF('day', told.day, $as_of) AS days_since,
  account_mean_price.mean_price
FROM source.metering_point
CROSS JOIN provided
LEFT JOIN told ON told.metering_point_id = metering_point.metering_point_id AND told.place = 1
LEFT JOIN facts.account_mean_price ON account_mean_price.account_id = metering_point.account_id
