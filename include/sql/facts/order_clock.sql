/*
grain: one row per order, not withdrawn or rejected, and step with a time limit that has begun
key: [order_id, step]
purpose: >-
  The working days that the steps of an order took, to as_of where a step is not done; plan and connection of orders new and
  increase. Rules look at those of facts.order_step, key figures at all.
view: true
columns:
  order_id: {type: string, doc: The order.}
  step: {type: string, doc: 'plan (application to supply plan), energize (inspection to energizing), connection (application to closing).'}
  account_id: {type: string, doc: Its account.}
  org_unit_id: {type: string, doc: The account's unit.}
  order_kind: {type: string, doc: 'As in source.service_order.'}
  staff_id: {type: string, doc: Who handles the order.}
  begun_at: {type: timestamp, doc: When the step began.}
  done_at: {type: timestamp, doc: When it was done; empty while it is not.}
  is_recent: {type: boolean, doc: 'The order was submitted within 12 months before as_of, or is still open.'}
  is_low_voltage: {type: boolean, doc: The account is supplied below 1 kV.}
  is_dual_supply: {type: boolean, doc: The account has two supplies.}
  supply: {type: string, doc: 'low, high_single or high_dual: what limits depend on.'}
  begun_no: {type: integer, doc: Number of the working day on which the step began (core.calendar).}
  working_days: {type: integer, doc: 'Days d with begun < d <= done that are working days; of what began before core.calendar does, those since.'}
*/
WITH looked_at AS (
  SELECT
    service_order.order_id,
    service_order.account_id,
    service_order.kind,
    service_order.staff_id,
    service_order.submitted_at,
    service_order.plan_replied_at,
    service_order.inspected_at,
    service_order.energized_at,
    service_order.closed_at,
    service_order.kind IN ('new', 'increase') AS is_application,
    CAST(service_order.submitted_at AS DATE) >= ADD_MONTHS($as_of, -12)
    OR service_order.closed_at IS NULL AS is_recent
  FROM source.service_order
  WHERE service_order.outcome IS NULL OR service_order.outcome NOT IN ('withdrawn', 'rejected')
),

step AS (
  SELECT
    looked_at.order_id,
    'plan' AS step,
    looked_at.account_id,
    looked_at.kind,
    looked_at.staff_id,
    looked_at.is_recent,
    looked_at.submitted_at AS begun_at,
    looked_at.plan_replied_at AS done_at
  FROM looked_at
  WHERE looked_at.is_application
  UNION ALL
  SELECT
    looked_at.order_id,
    'energize' AS step,
    looked_at.account_id,
    looked_at.kind,
    looked_at.staff_id,
    looked_at.is_recent,
    looked_at.inspected_at AS begun_at,
    looked_at.energized_at AS done_at
  FROM looked_at
  UNION ALL
  SELECT
    looked_at.order_id,
    'connection' AS step,
    looked_at.account_id,
    looked_at.kind,
    looked_at.staff_id,
    looked_at.is_recent,
    looked_at.submitted_at AS begun_at,
    looked_at.closed_at AS done_at
  FROM looked_at
  WHERE looked_at.is_application
),

first_day AS (
  SELECT MIN(calendar.day) AS day FROM core.calendar
),

dated AS (
  SELECT
    step.order_id,
    step.step,
    step.account_id,
    step.kind,
    step.staff_id,
    step.is_recent,
    step.begun_at,
    step.done_at,
    GREATEST(CAST(step.begun_at AS DATE), first_day.day) AS begun_on,
    GREATEST(COALESCE(CAST(step.done_at AS DATE), $as_of), first_day.day) AS done_on
  FROM step
  CROSS JOIN first_day
  WHERE step.begun_at IS NOT NULL
)

SELECT
  dated.order_id,
  dated.step,
  dated.account_id,
  account.org_unit_id,
  dated.kind AS order_kind,
  dated.staff_id,
  dated.begun_at,
  dated.done_at,
  dated.is_recent,
  account.supply_kv < 1 AS is_low_voltage,
  account.is_dual_supply,
  CASE
    WHEN account.supply_kv < 1 THEN 'low' WHEN account.is_dual_supply THEN 'high_dual' ELSE 'high_single'
  END AS supply,
  begun_day.working_day_no AS begun_no,
  done_day.working_day_no - begun_day.working_day_no AS working_days
FROM dated
INNER JOIN source.account ON account.account_id = dated.account_id
INNER JOIN core.calendar AS begun_day ON begun_day.day = dated.begun_on
INNER JOIN core.calendar AS done_day ON done_day.day = dated.done_on
