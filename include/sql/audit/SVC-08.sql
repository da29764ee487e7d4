/*
title: Order worked beside the system
zh: 业扩体外循环嫌疑
flags_zh: 12 个月内受理的新装、增容工单：两个环节完成时间相差不足 min_minutes 分钟（送电与归档之间除外）；后续环节早于前一环节；或新装在送电前主计量点采集电量超过 min_kwh。
what_to_do:
  en: >-
    Compare the paper documents with the system, establish when each step was done, and hold those who
    entered it later to account.
  zh: 核对纸质资料与系统记录，查明各环节实际完成时间，对体外循环的追究责任。
kind: exception
modes: [nightly]
subject: order
severity: high
judges: state
proof: none
moves: [energy_kwh]
window: {on: submitted_at, within: 12, unit: months}
flags: >-
  new or increase, submitted within 12 months before as_of: two of plan_replied_at, design_reviewed_at, inspected_at,
  energized_at and closed_at less than min_minutes apart (not energized_at and closed_at with each other; times at midnight
  sharp are days only: with these only days are compared, a same day is no finding); a later step before an earlier one in
  this order; or, for new, measured interval energy above min_kwh at its account's main points before the day of
  energized_at (before as_of's end where empty).
params:
  min_minutes: {type: number, default: 2, minimum: 0, doc: 'Minutes that two steps of an order lie apart at least.'}
  min_kwh: {type: number, default: 10, minimum: 0, doc: 'Energy before the day of energizing that does not count yet.'}
messages:
  en:
    - "The steps {close_steps} are {minutes_apart} minutes apart; at least {min_minutes} are plausible."
    - "The steps {reversed_steps} are in the wrong order."
    - "{energy_kwh} kWh were measured before {energized_on}, the day of energizing; up to {min_kwh} kWh are passed over."
    - "{energy_kwh} kWh were measured, and the order is not energized; up to {min_kwh} kWh are passed over."
  zh:
    - "工单环节“{close_steps}”仅相隔 {minutes_apart} 分钟，应不少于 {min_minutes} 分钟。"
    - "工单环节“{reversed_steps}”时间顺序颠倒。"
    - "送电日 {energized_on} 之前已计量电量 {energy_kwh} kWh，限值 {min_kwh} kWh。"
    - "工单尚未送电，已计量电量 {energy_kwh} kWh，限值 {min_kwh} kWh。"
*/
WITH looked_at AS (
  SELECT
    service_order.order_id,
    service_order.account_id,
    service_order.kind,
    service_order.staff_id,
    service_order.submitted_at,
    service_order.plan_replied_at,
    service_order.design_reviewed_at,
    service_order.inspected_at,
    service_order.energized_at,
    service_order.closed_at,
    CAST(service_order.energized_at AS DATE) AS energized_on,
    COALESCE(CAST(service_order.energized_at AS DATE), CAST($as_of_end AS DATE)) AS before_on
  FROM source.service_order
  WHERE
    service_order.kind IN ('new', 'increase')
    AND CAST(service_order.submitted_at AS DATE) >= ADD_MONTHS($as_of, -12)
),

step AS (
  SELECT
    looked_at.order_id,
    1 AS step_no,
    'plan_replied_at' AS step,
    looked_at.plan_replied_at AS done_at
  FROM looked_at
  UNION ALL
  SELECT
    looked_at.order_id,
    2,
    'design_reviewed_at',
    looked_at.design_reviewed_at
  FROM looked_at
  UNION ALL
  SELECT
    looked_at.order_id,
    3,
    'inspected_at',
    looked_at.inspected_at
  FROM looked_at
  UNION ALL
  SELECT
    looked_at.order_id,
    4,
    'energized_at',
    looked_at.energized_at
  FROM looked_at
  UNION ALL
  SELECT
    looked_at.order_id,
    5,
    'closed_at',
    looked_at.closed_at
  FROM looked_at
),

timed AS (
  SELECT
    step.order_id,
    step.step_no,
    step.step,
    step.done_at,
    CAST(step.done_at AS DATE) AS done_on,
    step.done_at = CAST(CAST(step.done_at AS DATE) AS TIMESTAMPTZ) AS is_day
  FROM step
  WHERE step.done_at IS NOT NULL
),

pair AS (
  SELECT
    former.order_id,
    CONCAT(former.step, ', ', latter.step) AS steps,
    10 * former.step_no + latter.step_no AS pair_no,
    CASE
      WHEN former.is_day OR latter.is_day THEN latter.done_on < former.done_on
      ELSE latter.done_at < former.done_at
    END AS is_reversed,
    -- 45: energized and closed may be noted at once.
    CASE
      WHEN NOT former.is_day AND NOT latter.is_day AND 10 * former.step_no + latter.step_no <> 45
        THEN RATIO(ABS(UNIX_MICROS(latter.done_at) - UNIX_MICROS(former.done_at)), 60000000)
    END AS minutes_apart
  FROM timed AS former
  JOIN timed AS latter ON latter.order_id = former.order_id AND latter.step_no > former.step_no
),

closest AS (
  SELECT
    pair.order_id,
    pair.steps,
    pair.minutes_apart,
    ROW_NUMBER() OVER (PARTITION BY pair.order_id ORDER BY pair.minutes_apart, pair.pair_no) AS place
  FROM pair
  WHERE pair.minutes_apart < $min_minutes
),

turned AS (
  SELECT
    pair.order_id,
    pair.steps,
    ROW_NUMBER() OVER (PARTITION BY pair.order_id ORDER BY pair.pair_no) AS place
  FROM pair
  WHERE pair.is_reversed
),

fresh AS (
  SELECT
    looked_at.order_id,
    looked_at.before_on,
    metering_point.metering_point_id
  FROM looked_at
  JOIN source.metering_point
    ON metering_point.account_id = looked_at.account_id AND metering_point.role = 'main'
  WHERE looked_at.kind = 'new'
),

-- Whole months before the day's own are read from their sums.
part AS (
  SELECT
    fresh.order_id,
    interval_month.measured_kwh
  FROM fresh
  JOIN facts.interval_month
    ON interval_month.metering_point_id = fresh.metering_point_id
    AND interval_month.period < MONTH_OF(fresh.before_on)
  UNION ALL
  SELECT
    fresh.order_id,
    interval_daily.measured_kwh
  FROM fresh
  JOIN facts.interval_daily
    ON interval_daily.metering_point_id = fresh.metering_point_id
    AND interval_daily.day >= MONTH_OF(fresh.before_on)
    AND interval_daily.day < fresh.before_on
),

energy AS (
  SELECT
    part.order_id,
    EXACT_SUM(part.measured_kwh) AS energy_kwh
  FROM part
  GROUP BY part.order_id
)

SELECT
  looked_at.order_id AS subject_id,
  looked_at.account_id,
  closest.order_id IS NOT NULL
  OR turned.order_id IS NOT NULL
  OR COALESCE(energy.energy_kwh > $min_kwh, FALSE) AS flagged,
  looked_at.kind AS order_kind,
  CONCAT_WS(
    ', ',
    CASE WHEN closest.order_id IS NOT NULL THEN 'at one moment' END,
    CASE WHEN turned.order_id IS NOT NULL THEN 'in the wrong order' END,
    CASE WHEN energy.energy_kwh > $min_kwh THEN 'energy before energizing' END
  ) AS problems,
  closest.steps AS close_steps,
  ROUND(closest.minutes_apart, 2) AS minutes_apart,
  $min_minutes AS min_minutes,
  turned.steps AS reversed_steps,
  CASE WHEN energy.energy_kwh > $min_kwh THEN energy.energy_kwh END AS energy_kwh,
  $min_kwh AS min_kwh,
  looked_at.energized_on,
  looked_at.submitted_at,
  looked_at.plan_replied_at,
  looked_at.design_reviewed_at,
  looked_at.inspected_at,
  looked_at.energized_at,
  looked_at.closed_at,
  looked_at.staff_id
FROM looked_at
LEFT JOIN closest ON closest.order_id = looked_at.order_id AND closest.place = 1
LEFT JOIN turned ON turned.order_id = looked_at.order_id AND turned.place = 1
LEFT JOIN energy ON energy.order_id = looked_at.order_id
