/*
grain: one row per step of an order, a plan or a repair that has begun and was going on in the twelve months before as_of's
key: [subject_type, subject_id, step]
purpose: >-
  How long each step of orders, planned inspections, repairs and meter faults took, to as_of where it goes on, beside its limit,
  which is the one of the rule that looks at it. A step without such a rule has a limit where the utility sets one.
judges: state
columns:
  subject_type: {type: string, doc: 'order, inspection, service_call (a repair) or metering_event (a reported fault of a meter).'}
  subject_id: {type: string, doc: Its key.}
  kind: {type: string, doc: 'order, plan or repair.'}
  step: {type: string, doc: 'Of an order plan, design, works, energize, closing, connection, own; of a plan inspect, record; of a repair arrive, restore, fault.'}
  post: {type: string, doc: 'The post of who handles it; where that is not known the one that answers for such.'}
  account_id: {type: string, doc: 'Its account, where it names one.'}
  org_unit_id: {type: string, doc: 'The account''s unit; the call''s or point''s own where there is no account; else the top one.'}
  staff_id: {type: string, doc: 'Who handles it, where that is known.'}
  began_at: {type: timestamp, doc: 'When it began; of a day alone its first moment.'}
  ended_at: {type: timestamp, doc: 'When it ended; empty where it did not.'}
  is_open: {type: boolean, doc: 'It goes on. One that was never noted in an order or call that is over neither goes on nor has ended.'}
  time_unit: {type: string, doc: 'What its time is counted in: working_days, days or minutes.'}
  time_taken: {type: double, doc: 'In that unit, to as_of where it has not ended.'}
  time_limit: {type: double, doc: 'In that unit; empty where it has none.'}
  is_over: {type: boolean, doc: It took longer than its limit; false where it has none.}
params:
  plan_wd: {same_as: SVC-01.max_wd}
  energize_wd: {same_as: SVC-02.max_wd}
  connection_wd: {same_as: SVC-03.max_wd}
  own_wd: {same_as: SVC-09.max_wd}
  arrive_minutes: {same_as: SVC-04.max_minutes}
  fault_days: {same_as: MET-04.max_days}
  grace_days: {same_as: INS-09.grace_days}
  other_limit:
    type: map
    columns: {step: string, time_limit: double}
    default: {}
    doc: 'Limits of steps that no rule looks at: design, works and closing in working days, restore in minutes.'
*/
WITH shared AS (
  SELECT
    MIN(calendar.day) AS first_day,
    ADD_MONTHS(MONTH_OF($as_of), -12) AS from_on
  FROM core.calendar
),

gap AS (
  SELECT
    service_order.order_id,
    'design' AS step,
    service_order.plan_replied_at AS began_at,
    service_order.design_reviewed_at AS ended_at,
    -- Where a later step was done, or the order is over, this one was left out.
    service_order.inspected_at IS NULL AND service_order.closed_at IS NULL AS may_go_on
  FROM source.service_order
  UNION ALL
  SELECT
    service_order.order_id,
    'works' AS step,
    COALESCE(service_order.design_reviewed_at, service_order.plan_replied_at) AS began_at,
    service_order.inspected_at AS ended_at,
    service_order.energized_at IS NULL AND service_order.closed_at IS NULL AS may_go_on
  FROM source.service_order
  WHERE service_order.needs_customer_works
  UNION ALL
  SELECT
    service_order.order_id,
    'closing' AS step,
    service_order.energized_at AS began_at,
    service_order.closed_at AS ended_at,
    TRUE AS may_go_on
  FROM source.service_order
),

gap_dated AS (
  SELECT
    gap.order_id,
    gap.step,
    gap.began_at,
    gap.ended_at,
    GREATEST(CAST(gap.began_at AS DATE), shared.first_day) AS began_on,
    GREATEST(COALESCE(CAST(gap.ended_at AS DATE), $as_of), shared.first_day) AS ended_on
  FROM gap
  CROSS JOIN shared
  WHERE gap.began_at IS NOT NULL AND (gap.ended_at IS NOT NULL OR gap.may_go_on)
),

order_time AS (
  SELECT
    order_clock.order_id,
    order_clock.step,
    order_clock.begun_at AS began_at,
    order_clock.done_at AS ended_at,
    order_clock.working_days,
    COALESCE(plan_wd.max_wd, energize_wd.max_wd, connection_wd.max_wd) AS max_wd
  FROM facts.order_clock
  LEFT JOIN param.plan_wd ON order_clock.step = 'plan' AND plan_wd.limit_key = order_clock.supply
  LEFT JOIN param.energize_wd
    ON order_clock.step = 'energize'
    AND energize_wd.limit_key = CASE WHEN order_clock.is_low_voltage THEN 'low' ELSE 'high' END
  LEFT JOIN param.connection_wd
    ON order_clock.step = 'connection'
    AND connection_wd.limit_key = CASE WHEN order_clock.is_low_voltage THEN 'low' ELSE 'high' END
  UNION ALL
  SELECT
    order_own_time.order_id,
    'own' AS step,
    order_own_time.submitted_at AS began_at,
    CASE WHEN order_own_time.inspected_at IS NOT NULL THEN order_own_time.energized_at END AS ended_at,
    order_own_time.working_days,
    own_wd.max_wd
  FROM facts.order_own_time
  LEFT JOIN param.own_wd ON own_wd.limit_key = order_own_time.limit_key
  UNION ALL
  SELECT
    gap_dated.order_id,
    gap_dated.step,
    gap_dated.began_at,
    gap_dated.ended_at,
    ended_day.working_day_no - began_day.working_day_no AS working_days,
    other_limit.time_limit AS max_wd
  FROM gap_dated
  JOIN core.calendar AS began_day ON began_day.day = gap_dated.began_on
  JOIN core.calendar AS ended_day ON ended_day.day = gap_dated.ended_on
  LEFT JOIN param.other_limit ON other_limit.step = gap_dated.step
),

timed AS (
  SELECT
    'order' AS subject_type,
    order_time.order_id AS subject_id,
    'order' AS kind,
    order_time.step,
    'acceptance' AS answering_post,
    service_order.account_id,
    account.org_unit_id,
    service_order.staff_id,
    order_time.began_at,
    order_time.ended_at,
    order_time.ended_at IS NULL AND service_order.closed_at IS NULL AS is_open,
    'working_days' AS time_unit,
    CAST(GREATEST(order_time.working_days, 0) AS DOUBLE) AS time_taken,
    CAST(order_time.max_wd AS DOUBLE) AS time_limit,
    order_time.working_days > order_time.max_wd AS is_over
  FROM order_time
  JOIN source.service_order ON service_order.order_id = order_time.order_id
  LEFT JOIN source.account ON account.account_id = service_order.account_id
  WHERE COALESCE(service_order.outcome, '') NOT IN ('withdrawn', 'rejected')
  UNION ALL
  SELECT
    'inspection' AS subject_type,
    inspection.inspection_id AS subject_id,
    'plan' AS kind,
    'inspect' AS step,
    'inspection' AS answering_post,
    inspection.account_id,
    account.org_unit_id,
    inspection.staff_id,
    CAST(inspection.planned_on AS TIMESTAMPTZ) AS began_at,
    CAST(inspection.performed_on AS TIMESTAMPTZ) AS ended_at,
    inspection.performed_on IS NULL AS is_open,
    'days' AS time_unit,
    CAST(
      GREATEST(
        DATE_DIFF('day', inspection.planned_on, COALESCE(inspection.performed_on, $as_of)), 0
      ) AS DOUBLE
    ) AS time_taken,
    CAST($grace_days AS DOUBLE) AS time_limit,
    DATE_DIFF('day', inspection.planned_on, COALESCE(inspection.performed_on, $as_of)) > $grace_days
      AS is_over
  FROM source.inspection
  LEFT JOIN source.account ON account.account_id = inspection.account_id
  LEFT JOIN core.live_account ON live_account.account_id = inspection.account_id
  WHERE
    inspection.planned_on <= $as_of
    -- Nobody inspects who has left.
    AND (inspection.performed_on IS NOT NULL OR live_account.account_id IS NOT NULL)
  UNION ALL
  SELECT
    'inspection' AS subject_type,
    inspection.inspection_id AS subject_id,
    'plan' AS kind,
    'record' AS step,
    'inspection' AS answering_post,
    inspection.account_id,
    account.org_unit_id,
    inspection.staff_id,
    CAST(inspection.performed_on AS TIMESTAMPTZ) AS began_at,
    inspection.recorded_at AS ended_at,
    inspection.recorded_at IS NULL AS is_open,
    'days' AS time_unit,
    CAST(
      GREATEST(
        DATE_DIFF('day', inspection.performed_on, COALESCE(CAST(inspection.recorded_at AS DATE), $as_of)), 0
      ) AS DOUBLE
    ) AS time_taken,
    -- On the day itself, as INS-10 has it.
    CAST(0 AS DOUBLE) AS time_limit,
    COALESCE(CAST(inspection.recorded_at AS DATE), $as_of) > inspection.performed_on AS is_over
  FROM source.inspection
  LEFT JOIN source.account ON account.account_id = inspection.account_id
  WHERE inspection.performed_on IS NOT NULL
  UNION ALL
  SELECT
    'service_call' AS subject_type,
    call_clock.call_id AS subject_id,
    'repair' AS kind,
    'arrive' AS step,
    'repair' AS answering_post,
    call_clock.account_id,
    COALESCE(account.org_unit_id, call_clock.org_unit_id) AS org_unit_id,
    call_clock.staff_id,
    call_clock.opened_at AS began_at,
    call_clock.arrived_at AS ended_at,
    call_clock.arrived_at IS NULL AND call_clock.resolved_at IS NULL AS is_open,
    'minutes' AS time_unit,
    ROUND(call_clock.arrival_us / 60000000.0, 2) AS time_taken,
    max_minutes.max_minutes AS time_limit,
    call_clock.arrival_us > max_minutes.max_minutes * 60000000 AS is_over
  FROM facts.call_clock
  LEFT JOIN source.account ON account.account_id = call_clock.account_id
  LEFT JOIN dated.arrive_minutes AS max_minutes
    ON max_minutes.site = call_clock.site
    AND LAST_DAY(CAST(call_clock.opened_at AS DATE)) BETWEEN max_minutes.from_on AND max_minutes.to_on
  WHERE call_clock.kind = 'repair'
  UNION ALL
  SELECT
    'service_call' AS subject_type,
    call_clock.call_id AS subject_id,
    'repair' AS kind,
    'restore' AS step,
    'repair' AS answering_post,
    call_clock.account_id,
    COALESCE(account.org_unit_id, call_clock.org_unit_id) AS org_unit_id,
    call_clock.staff_id,
    call_clock.arrived_at AS began_at,
    call_clock.resolved_at AS ended_at,
    call_clock.resolved_at IS NULL AS is_open,
    'minutes' AS time_unit,
    ROUND(
      GREATEST(
        UNIX_MICROS(COALESCE(call_clock.resolved_at, $as_of_end)) - UNIX_MICROS(call_clock.arrived_at), 0
      ) / 60000000.0,
      2
    ) AS time_taken,
    other_limit.time_limit,
    UNIX_MICROS(COALESCE(call_clock.resolved_at, $as_of_end)) - UNIX_MICROS(call_clock.arrived_at)
    > other_limit.time_limit * 60000000 AS is_over
  FROM facts.call_clock
  LEFT JOIN source.account ON account.account_id = call_clock.account_id
  LEFT JOIN param.other_limit ON other_limit.step = 'restore'
  WHERE call_clock.kind = 'repair' AND call_clock.arrived_at IS NOT NULL
  UNION ALL
  SELECT
    'metering_event' AS subject_type,
    fault_handling.event_id AS subject_id,
    'repair' AS kind,
    'fault' AS step,
    'metering' AS answering_post,
    fault_handling.account_id,
    subject_unit.org_unit_id,
    CAST(NULL AS VARCHAR) AS staff_id,
    fault_handling.reported_at AS began_at,
    fault_handling.fixed_at AS ended_at,
    fault_handling.fixed_at IS NULL AS is_open,
    'days' AS time_unit,
    ROUND(COALESCE(fault_handling.handled_us, fault_handling.passed_us) / 86400000000.0, 2) AS time_taken,
    CAST($fault_days AS DOUBLE) AS time_limit,
    COALESCE(fault_handling.handled_us, fault_handling.passed_us) > $fault_days * 86400000000 AS is_over
  FROM facts.fault_handling
  LEFT JOIN core.subject_unit
    ON subject_unit.subject_type = 'metering_point'
    AND subject_unit.subject_id = fault_handling.metering_point_id
)

SELECT
  timed.subject_type,
  timed.subject_id,
  timed.kind,
  timed.step,
  COALESCE(staff.post, timed.answering_post) AS post,
  timed.account_id,
  COALESCE(timed.org_unit_id, top_unit.org_unit_id) AS org_unit_id,
  timed.staff_id,
  timed.began_at,
  timed.ended_at,
  timed.is_open,
  timed.time_unit,
  timed.time_taken,
  timed.time_limit,
  COALESCE(timed.is_over, FALSE) AS is_over
FROM timed
CROSS JOIN shared
LEFT JOIN source.staff ON staff.staff_id = timed.staff_id
LEFT JOIN core.top_unit ON TRUE
WHERE
  timed.is_open
  OR CAST(timed.began_at AS DATE) >= shared.from_on
  OR CAST(timed.ended_at AS DATE) >= shared.from_on
