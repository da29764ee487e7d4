/*
title: Fault without a correction of energy
zh: 故障表计未按规定退补
kind: exception
modes: [nightly]
subject: metering_point
severity: high
flags: >-
  the first fault_cleared or replace after a fault_reported lies more than grace_days before as_of, and
  there is no adjusted event since the report.
at_stake: >-
  (median kWh of the 6 periods before the fault less the period's kWh) x average price, over the periods the
  fault lasted
params:
  grace_days: {type: integer, default: 60, minimum: 0, doc: 'Days after the repair within which the energy is corrected.'}
messages:
  en: >-
    The fault repaired at {fixed_at} was never corrected in energy.
  zh: >-
    {fixed_at} 处理的故障未退补电量。
*/
WITH event AS (
  SELECT e.event_id,
         e.metering_point_id,
         e.kind,
         e.occurred_at,
         MIN(CASE WHEN e.kind IN ('fault_cleared', 'replace') THEN e.occurred_at END) OVER later AS fixed_at,
         MAX(CASE WHEN e.kind = 'adjusted' THEN e.occurred_at END) OVER later AS adjusted_at
  FROM source.metering_event AS e
  WHERE e.kind IN ('fault_reported', 'fault_cleared', 'replace', 'adjusted')
  WINDOW later AS (
    PARTITION BY e.metering_point_id ORDER BY e.occurred_at
    RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
  )
),
fault AS (
  SELECT e.metering_point_id,
         e.event_id,
         e.occurred_at,
         e.fixed_at,
         DATE_DIFF('day', CAST(e.fixed_at AS DATE), $as_of) > $grace_days AND e.adjusted_at IS NULL AS is_open
  FROM event AS e
  WHERE e.kind = 'fault_reported'
    AND e.fixed_at IS NOT NULL
),
-- Several reports before one repair are one fault: its energy is counted once.
open_fault AS (
  SELECT f.metering_point_id,
         f.fixed_at,
         MONTH_OF(MIN(f.occurred_at)) AS first_period,
         MONTH_OF(f.fixed_at) AS last_period
  FROM fault AS f
  WHERE f.is_open
  GROUP BY f.metering_point_id, f.fixed_at
),
billed AS (
  SELECT o.metering_point_id,
         o.fixed_at,
         MEDIAN(CASE WHEN b.period < o.first_period THEN b.billed_kwh END) AS median_kwh,
         COUNT(*) FILTER (WHERE b.period >= o.first_period) AS periods,
         EXACT_SUM(b.billed_kwh) FILTER (WHERE b.period >= o.first_period) AS billed_kwh
  FROM open_fault AS o
  JOIN source.metering_point AS p ON p.metering_point_id = o.metering_point_id
  JOIN facts.bill_net AS b
    ON b.account_id = p.account_id
   AND b.period >= ADD_MONTHS(o.first_period, -6)
   AND b.period <= o.last_period
  GROUP BY o.metering_point_id, o.fixed_at
),
lost AS (
  SELECT b.metering_point_id,
         EXACT_SUM(b.median_kwh * b.periods - b.billed_kwh) AS lost_kwh
  FROM billed AS b
  GROUP BY b.metering_point_id
)
SELECT f.metering_point_id AS subject_id,
       p.account_id,
       f.is_open AS flagged,
       l.lost_kwh * n.average_price AS at_stake_amount,
       f.event_id,
       f.occurred_at AS reported_at,
       f.fixed_at,
       l.lost_kwh,
       $grace_days AS grace_days
FROM fault AS f
LEFT JOIN source.metering_point AS p ON p.metering_point_id = f.metering_point_id
LEFT JOIN lost AS l ON l.metering_point_id = f.metering_point_id
LEFT JOIN facts.bill_net AS n ON n.account_id = p.account_id AND n.period = $period
QUALIFY ROW_NUMBER() OVER (PARTITION BY f.metering_point_id ORDER BY f.is_open DESC, f.occurred_at, f.event_id) = 1
