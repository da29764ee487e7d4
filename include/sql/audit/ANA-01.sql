/*
title: Intervals and register disagree
zh: 采集电量与抄表电量不符
flags_zh: "两次抄表之间的采集电量（完整率不低于 99%）与抄表电量之差，同时超过抄表电量的 tolerance_share 和 tolerance_kwh。"
what_to_do:
  en: >-
    Read the register on site and compare clock, multiplier and wiring of meter and terminal; bill the
    difference by the one that is right.
  zh: 现场抄录示数，核对电能表与采集终端的时钟、倍率和接线，以正确的一方为准退补。
kind: exception
modes: [nightly]
subject: metering_point
severity: high
judges: month
proof: next
effect_of: [MET-03]
site: true
flags: >-
  the sum of measured intervals that start at or after the read_at of the period before and before that of P
  (in P where one is missing; not judged where step 1 of the shadow bill is not_checked for the point), at least 99% of them
  there, differs from register energy by more than tolerance_share of the register energy and more than
  tolerance_kwh.
at_stake: >-
  (interval less register energy) x average price
params:
  tolerance_share: {type: number, default: 0.02, minimum: 0, doc: 'Difference allowed as a share of the register energy.'}
  tolerance_kwh: {type: number, default: 5, minimum: 0, doc: 'Difference allowed in kWh.'}
  min_measured_share: {type: number, default: 0.99, minimum: 0, maximum: 1, doc: 'Share of the intervals that must be measured.'}
messages:
  en: "The intervals add up to {interval_kwh} kWh, the register gives {register_kwh} kWh; differences of up to {tolerance_share} or {tolerance_kwh} kWh are passed over."
  zh: "采集电量 {interval_kwh} kWh，抄表电量 {register_kwh} kWh，允许相差 {tolerance_share} 或 {tolerance_kwh} kWh。"
*/
SELECT
  interval_register.metering_point_id AS subject_id,
  interval_register.account_id,
  ROUND(
    ABS(interval_register.interval_kwh - interval_register.register_kwh)
    - $tolerance_share * ABS(interval_register.register_kwh),
    6
  )
  > 0
  AND ROUND(ABS(interval_register.interval_kwh - interval_register.register_kwh) - $tolerance_kwh, 6)
  > 0 AS flagged,
  CASE
    WHEN interval_register.not_checked IS NOT NULL THEN interval_register.not_checked
    WHEN
      interval_register.expected <= 0
      OR ROUND(interval_register.measured - $min_measured_share * interval_register.expected, 6) < 0
      THEN 'intervals_missing'
  END AS not_checked,
  (interval_register.interval_kwh - interval_register.register_kwh)
  * bill_net.average_price AS at_stake_amount,
  interval_register.interval_kwh,
  interval_register.register_kwh,
  interval_register.from_at,
  interval_register.to_at,
  interval_register.measured,
  interval_register.expected,
  $tolerance_share AS tolerance_share,
  $tolerance_kwh AS tolerance_kwh
FROM facts.interval_register
LEFT JOIN facts.bill_net ON bill_net.account_id = interval_register.account_id AND bill_net.period = $period
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = interval_register.account_id
WHERE COALESCE(billing_cycle.is_due, TRUE)
