/*
grain: one row per order
key: [order_id]
purpose: 'Applications and their way through the utility: the day of each step, the working days it took, and its limit.'
columns:
  order_id: {type: string, doc: The order.}
  account_id: {type: string, doc: Its account.}
  org_unit_id: {type: string, doc: Unit of the account.}
  kind: {type: string, doc: What is applied for.}
  outcome: {type: string, doc: 'completed, withdrawn or rejected; empty while it is open.'}
  requested_kva: {type: double, doc: 'new: the capacity applied for; increase: the kVA added; reduce, suspend: the kVA taken off.'}
  submitted_on: {type: date, doc: Day of the application.}
  plan_replied_on: {type: date, doc: Day of the supply plan; empty while it is due.}
  design_reviewed_on: {type: date, doc: 'Day on which the design was reviewed, where it was.'}
  inspected_on: {type: date, doc: Day of the inspection; empty before it.}
  energized_on: {type: date, doc: Day of energizing; empty before it.}
  closed_on: {type: date, doc: Day of closing; empty while it is open.}
  plan_working_days: {type: integer, doc: 'Working days from application to supply plan, to as_of while it is due; of orders new and increase.'}
  plan_max_wd: {type: integer, doc: Their limit.}
  energize_working_days: {type: integer, doc: 'Working days from inspection to energizing, to as_of while it is due.'}
  energize_max_wd: {type: integer, doc: Their limit.}
  connection_working_days: {type: integer, doc: 'Working days from application to closing, to as_of while it is open; of orders new and increase.'}
  connection_max_wd: {type: integer, doc: Their limit.}
  staff_id: {type: string, doc: Who handles it.}
params:
  plan_wd: {same_as: SVC-01.max_wd}
  energize_wd: {same_as: SVC-02.max_wd}
  connection_wd: {same_as: SVC-03.max_wd}
*/
WITH stepped AS (
  SELECT
    service_order.order_id,
    service_order.account_id,
    account.org_unit_id,
    service_order.kind,
    service_order.outcome,
    service_order.requested_kva,
    CAST(service_order.submitted_at AS DATE) AS submitted_on,
    CAST(service_order.plan_replied_at AS DATE) AS plan_replied_on,
    CAST(service_order.design_reviewed_at AS DATE) AS design_reviewed_on,
    CAST(service_order.inspected_at AS DATE) AS inspected_on,
    CAST(service_order.energized_at AS DATE) AS energized_on,
    CAST(service_order.closed_at AS DATE) AS closed_on,
    service_order.staff_id,
    service_order.kind IN ('new', 'increase') AS is_application,
    -- A step that was given up runs no longer.
    CASE
      WHEN
        COALESCE(service_order.outcome, '') NOT IN ('withdrawn', 'rejected')
        AND service_order.closed_at IS NULL
        THEN $as_of
    END AS runs_to,
    CASE WHEN account.supply_kv < 1 THEN 'low' WHEN account.supply_kv >= 1 THEN 'high' END AS voltage,
    CASE
      WHEN account.supply_kv < 1 THEN 'low'
      WHEN account.is_dual_supply THEN 'high_dual'
      WHEN account.supply_kv >= 1 THEN 'high_single'
    END AS supply
  FROM source.service_order
  LEFT JOIN source.account ON account.account_id = service_order.account_id
),

first_day AS (
  SELECT MIN(calendar.day) AS day FROM core.calendar
),

bounded AS (
  SELECT
    stepped.order_id,
    GREATEST(stepped.submitted_on, first_day.day) AS submitted_on,
    GREATEST(COALESCE(stepped.plan_replied_on, stepped.runs_to), first_day.day) AS plan_to,
    GREATEST(stepped.inspected_on, first_day.day) AS inspected_on,
    GREATEST(COALESCE(stepped.energized_on, stepped.runs_to), first_day.day) AS energized_to,
    GREATEST(COALESCE(stepped.closed_on, stepped.runs_to), first_day.day) AS closed_to
  FROM stepped
  CROSS JOIN first_day
)

SELECT
  stepped.order_id,
  stepped.account_id,
  stepped.org_unit_id,
  stepped.kind,
  stepped.outcome,
  stepped.requested_kva,
  stepped.submitted_on,
  stepped.plan_replied_on,
  stepped.design_reviewed_on,
  stepped.inspected_on,
  stepped.energized_on,
  stepped.closed_on,
  CASE
    WHEN stepped.is_application AND (stepped.plan_replied_on IS NOT NULL OR stepped.runs_to IS NOT NULL)
      THEN plan_day.working_day_no - submitted_day.working_day_no
  END AS plan_working_days,
  CASE WHEN stepped.is_application THEN plan_wd.max_wd END AS plan_max_wd,
  CASE
    WHEN
      stepped.inspected_on IS NOT NULL AND (stepped.energized_on IS NOT NULL OR stepped.runs_to IS NOT NULL)
      THEN energized_day.working_day_no - inspected_day.working_day_no
  END AS energize_working_days,
  CASE WHEN stepped.inspected_on IS NOT NULL THEN energize_wd.max_wd END AS energize_max_wd,
  CASE
    WHEN stepped.is_application AND (stepped.closed_on IS NOT NULL OR stepped.runs_to IS NOT NULL)
      THEN closed_day.working_day_no - submitted_day.working_day_no
  END AS connection_working_days,
  CASE WHEN stepped.is_application THEN connection_wd.max_wd END AS connection_max_wd,
  stepped.staff_id
FROM stepped
JOIN bounded ON bounded.order_id = stepped.order_id
LEFT JOIN core.calendar AS submitted_day ON submitted_day.day = bounded.submitted_on
LEFT JOIN core.calendar AS plan_day ON plan_day.day = bounded.plan_to
LEFT JOIN core.calendar AS inspected_day ON inspected_day.day = bounded.inspected_on
LEFT JOIN core.calendar AS energized_day ON energized_day.day = bounded.energized_to
LEFT JOIN core.calendar AS closed_day ON closed_day.day = bounded.closed_to
LEFT JOIN param.plan_wd ON plan_wd.limit_key = stepped.supply
LEFT JOIN param.energize_wd ON energize_wd.limit_key = stepped.voltage
LEFT JOIN param.connection_wd ON connection_wd.limit_key = stepped.voltage
