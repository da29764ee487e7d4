/*
grain: one row an order and step with a time limit that has begun
key: [order_id, step]
purpose: >-
  The working days that the steps of an order took, to as_of where a step is not done. Orders submitted within 12
  months before as_of or still open, not withdrawn or rejected; plan and connection of orders new and increase.
view: true
columns:
  order_id: {type: string, doc: The order.}
  step: {type: string, doc: 'plan (application to supply plan), energize (inspection to energizing), connection (application to closing).'}
  account_id: {type: string, doc: Its account.}
  order_kind: {type: string, doc: 'As in source.service_order.'}
  staff_id: {type: string, doc: Who handles the order.}
  begun_at: {type: timestamp, doc: When the step began.}
  done_at: {type: timestamp, doc: When it was done; empty while it is not.}
  is_low_voltage: {type: boolean, doc: The account is supplied below 1 kV.}
  is_dual_supply: {type: boolean, doc: The account has two supplies.}
  working_days: {type: integer, doc: 'Days d with begun < d <= done that are working days; of what began before core.calendar does, those since.'}
*/
WITH looked_at AS (
  SELECT o.order_id, o.account_id, o.kind, o.staff_id, o.submitted_at, o.plan_replied_at, o.inspected_at,
         o.energized_at, o.closed_at, o.kind IN ('new', 'increase') AS is_application
  FROM source.service_order AS o
  WHERE (CAST(o.submitted_at AS DATE) >= ADD_MONTHS($as_of, -12) OR o.closed_at IS NULL)
    AND (o.outcome IS NULL OR o.outcome NOT IN ('withdrawn', 'rejected'))
),
step AS (
  SELECT o.order_id, 'plan' AS step, o.account_id, o.kind, o.staff_id, o.submitted_at AS begun_at, o.plan_replied_at AS done_at
  FROM looked_at AS o
  WHERE o.is_application
  UNION ALL
  SELECT o.order_id, 'energize' AS step, o.account_id, o.kind, o.staff_id, o.inspected_at AS begun_at, o.energized_at AS done_at
  FROM looked_at AS o
  UNION ALL
  SELECT o.order_id, 'connection' AS step, o.account_id, o.kind, o.staff_id, o.submitted_at AS begun_at, o.closed_at AS done_at
  FROM looked_at AS o
  WHERE o.is_application
),
first_day AS (
  SELECT MIN(c.day) AS day FROM core.calendar AS c
),
dated AS (
  SELECT s.order_id, s.step, s.account_id, s.kind, s.staff_id, s.begun_at, s.done_at,
         GREATEST(CAST(s.begun_at AS DATE), f.day) AS begun_on,
         GREATEST(COALESCE(CAST(s.done_at AS DATE), $as_of), f.day) AS done_on
  FROM step AS s
  CROSS JOIN first_day AS f
  WHERE s.begun_at IS NOT NULL
)
SELECT d.order_id,
       d.step,
       d.account_id,
       d.kind AS order_kind,
       d.staff_id,
       d.begun_at,
       d.done_at,
       a.supply_kv < 1 AS is_low_voltage,
       a.is_dual_supply,
       cb.working_day_no - ca.working_day_no AS working_days
FROM dated AS d
INNER JOIN source.account AS a ON a.account_id = d.account_id
INNER JOIN core.calendar AS ca ON ca.day = d.begun_on
INNER JOIN core.calendar AS cb ON cb.day = d.done_on
