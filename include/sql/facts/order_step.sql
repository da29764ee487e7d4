/*
grain: one row per order and step with a time limit that has begun
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
SELECT
  order_clock.order_id,
  order_clock.step,
  order_clock.account_id,
  order_clock.order_kind,
  order_clock.staff_id,
  order_clock.begun_at,
  order_clock.done_at,
  order_clock.is_low_voltage,
  order_clock.is_dual_supply,
  order_clock.working_days
FROM facts.order_clock
WHERE order_clock.is_recent
