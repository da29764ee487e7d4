/*
title: Intervals and register disagree
zh: 采集电量与抄表电量不符
kind: exception
modes: [nightly]
subject: metering_point
severity: high
flags: >-
  the sum of measured intervals that start at or after the read_at of the period before and before that of P
  (in P where one is missing; not judged where step 1 of billing.md is not_checked), at least 99% of them
  there, differs from register energy by more than tolerance_share of the register energy and more than
  tolerance_kwh.
at_stake: >-
  (interval less register energy) x average price
params:
  tolerance_share: {type: number, default: 0.02, minimum: 0, doc: 'Difference allowed as a share of the register energy.'}
  tolerance_kwh: {type: number, default: 5, minimum: 0, doc: 'Difference allowed in kWh.'}
  min_measured_share: {type: number, default: 0.99, minimum: 0, maximum: 1, doc: 'Share of the intervals that must be measured.'}
messages:
  en: >-
    Intervals add up to {interval_kwh} kWh, the register gives {register_kwh} kWh.
  zh: >-
    采集电量 {interval_kwh} kWh，抄表电量 {register_kwh} kWh。
*/
SELECT i.metering_point_id AS subject_id,
       i.account_id,
       ROUND(ABS(i.interval_kwh - i.register_kwh) - $tolerance_share * ABS(i.register_kwh), 6) > 0
         AND ROUND(ABS(i.interval_kwh - i.register_kwh) - $tolerance_kwh, 6) > 0 AS flagged,
       CASE WHEN i.not_checked IS NOT NULL THEN i.not_checked
            WHEN i.expected <= 0 OR ROUND(i.measured - $min_measured_share * i.expected, 6) < 0 THEN 'intervals_missing'
       END AS not_checked,
       (i.interval_kwh - i.register_kwh) * b.average_price AS at_stake_amount,
       i.interval_kwh,
       i.register_kwh,
       i.from_at,
       i.to_at,
       i.measured,
       i.expected,
       $tolerance_share AS tolerance_share,
       $tolerance_kwh AS tolerance_kwh
FROM facts.interval_register AS i
LEFT JOIN facts.bill_net AS b ON b.account_id = i.account_id AND b.period = $period
