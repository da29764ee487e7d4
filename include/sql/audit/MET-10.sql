/*
title: Fault without a correction of energy
zh: 故障表计未按规定退补
flags_zh: 报告故障后首次消除故障或换表已超过 grace_days 天，且自报告以来没有退补电量记录。
what_to_do:
  en: Settle the energy of the time of the fault with the customer and enter the adjustment.
  zh: 按规定核算故障期间电量，与客户确认后退补并登记。
kind: exception
modes: [nightly]
subject: metering_point
severity: high
judges: state
proof: same
flags: >-
  the first fault_cleared or replace after a fault_reported lies more than grace_days before as_of, and
  there is no adjusted event since the report.
at_stake: >-
  (median kWh of the 6 periods before the fault less the period's kWh) x average price, over the periods the
  fault lasted
params:
  grace_days: {type: integer, default: 60, minimum: 0, doc: 'Days after the repair within which the energy is corrected.'}
messages:
  en:
    - "For the fault from {reported_at} to {fixed_at}, about {lost_kwh} kWh, no energy was corrected within {grace_days} days."
    - "For the fault from {reported_at} to {fixed_at} no energy was corrected within {grace_days} days."
  zh:
    - "{reported_at} 至 {fixed_at} 的故障（约 {lost_kwh} kWh）超过 {grace_days} 天未退补电量。"
    - "{reported_at} 至 {fixed_at} 的故障超过 {grace_days} 天未退补电量。"
*/
WITH event AS (
  SELECT
    metering_event.event_id,
    metering_event.metering_point_id,
    metering_event.kind,
    metering_event.occurred_at,
    MIN(CASE WHEN metering_event.kind IN ('fault_cleared', 'replace') THEN metering_event.occurred_at END)
      OVER later
      AS fixed_at,
    MAX(CASE WHEN metering_event.kind = 'adjusted' THEN metering_event.occurred_at END)
      OVER later
      AS adjusted_at
  FROM source.metering_event
  WHERE metering_event.kind IN ('fault_reported', 'fault_cleared', 'replace', 'adjusted')
  WINDOW later AS (
    PARTITION BY metering_event.metering_point_id ORDER BY metering_event.occurred_at
    RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
  )
),

fault AS (
  SELECT
    event.metering_point_id,
    event.event_id,
    event.occurred_at,
    event.fixed_at,
    DATE_DIFF('day', CAST(event.fixed_at AS DATE), $as_of) > $grace_days
    AND event.adjusted_at IS NULL AS is_open
  FROM event
  WHERE
    event.kind = 'fault_reported'
    AND event.fixed_at IS NOT NULL
),

-- Several reports before one repair are one fault: its energy is counted once.
open_fault AS (
  SELECT
    fault.metering_point_id,
    fault.fixed_at,
    MONTH_OF(MIN(fault.occurred_at)) AS first_period,
    MONTH_OF(fault.fixed_at) AS last_period
  FROM fault
  WHERE fault.is_open
  GROUP BY fault.metering_point_id, fault.fixed_at
),

billed AS (
  SELECT
    open_fault.metering_point_id,
    open_fault.fixed_at,
    MEDIAN(CASE WHEN bill_net.period < open_fault.first_period THEN bill_net.billed_kwh END) AS median_kwh,
    COUNT(*) FILTER (WHERE bill_net.period >= open_fault.first_period) AS periods,
    EXACT_SUM(bill_net.billed_kwh) FILTER (WHERE bill_net.period >= open_fault.first_period) AS billed_kwh
  FROM open_fault
  JOIN source.metering_point ON metering_point.metering_point_id = open_fault.metering_point_id
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = metering_point.account_id
  JOIN facts.bill_net
    ON bill_net.account_id = metering_point.account_id
    AND bill_net.period
    >= ADD_MONTHS(open_fault.first_period, CAST(-6 * COALESCE(billing_cycle.billing_months, 1) AS INT))
    AND bill_net.period <= open_fault.last_period
  GROUP BY open_fault.metering_point_id, open_fault.fixed_at
),

lost AS (
  SELECT
    billed.metering_point_id,
    EXACT_SUM(billed.median_kwh * billed.periods - billed.billed_kwh) AS lost_kwh
  FROM billed
  GROUP BY billed.metering_point_id
)

SELECT
  fault.metering_point_id AS subject_id,
  metering_point.account_id,
  fault.is_open AS flagged,
  lost.lost_kwh * bill_net.average_price AS at_stake_amount,
  fault.event_id,
  fault.occurred_at AS reported_at,
  fault.fixed_at,
  lost.lost_kwh,
  $grace_days AS grace_days
FROM fault
LEFT JOIN source.metering_point ON metering_point.metering_point_id = fault.metering_point_id
LEFT JOIN lost ON lost.metering_point_id = fault.metering_point_id
LEFT JOIN facts.bill_net ON bill_net.account_id = metering_point.account_id AND bill_net.period = $period
QUALIFY
  ROW_NUMBER()
    OVER (PARTITION BY fault.metering_point_id ORDER BY fault.is_open DESC, fault.occurred_at, fault.event_id)
  = 1
