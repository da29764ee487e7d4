/*
grain: one row per order new or increase, not withdrawn or rejected
key: [order_id]
purpose: The working days that an application spent with the utility, decided once; from application to supply plan and from inspection to energizing.
view: true
columns:
  order_id: {type: string, doc: The order.}
  account_id: {type: string, doc: Its account.}
  org_unit_id: {type: string, doc: The account's unit.}
  order_kind: {type: string, doc: new or increase.}
  staff_id: {type: string, doc: Who handles the order.}
  submitted_at: {type: timestamp, doc: When it was submitted.}
  plan_replied_at: {type: timestamp, doc: When the supply plan was answered; empty while it is not.}
  inspected_at: {type: timestamp, doc: 'When the works were inspected; empty while they are not.'}
  energized_at: {type: timestamp, doc: 'When it was energized; empty while it is not.'}
  is_recent: {type: boolean, doc: 'It was submitted within 12 months before as_of, or is still open.'}
  limit_key: {type: string, doc: 'low, high_single or high_dual.'}
  plan_days: {type: integer, doc: 'Working days to the plan, to as_of where it is due.'}
  energize_days: {type: integer, doc: 'Working days from inspection to energizing, to as_of where it is due; 0 before the inspection.'}
  working_days: {type: integer, doc: Both together.}
*/
SELECT
  plan.order_id,
  plan.account_id,
  plan.org_unit_id,
  plan.order_kind,
  plan.staff_id,
  plan.begun_at AS submitted_at,
  plan.done_at AS plan_replied_at,
  energize.begun_at AS inspected_at,
  service_order.energized_at,
  plan.is_recent,
  plan.supply AS limit_key,
  GREATEST(plan.working_days, 0) AS plan_days,
  GREATEST(COALESCE(energize.working_days, 0), 0) AS energize_days,
  GREATEST(plan.working_days, 0) + GREATEST(COALESCE(energize.working_days, 0), 0) AS working_days
FROM facts.order_clock AS plan
JOIN source.service_order ON service_order.order_id = plan.order_id
LEFT JOIN facts.order_clock AS energize
  ON energize.order_id = plan.order_id AND energize.step = 'energize'
WHERE plan.step = 'plan'
