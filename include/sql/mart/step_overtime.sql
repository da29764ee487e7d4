/*
grain: one row per step of an order, a plan or a repair that is, or in the last twelve months was, over its limit
key: [subject_type, subject_id, step]
purpose: What took, or takes, longer than allowed, by unit, post and member of staff.
columns:
  subject_type: {type: string, doc: 'order, inspection, service_call (a repair) or metering_event (a reported fault of a meter).'}
  subject_id: {type: string, doc: Its key.}
  kind: {type: string, doc: 'order, plan or repair.'}
  step: {type: string, doc: 'Of an order plan, design, works, energize, closing, connection, own; of a plan inspect, record; of a repair arrive, restore, fault.'}
  post: {type: string, doc: 'The post of who handles it; where that is not known the one that answers for such.'}
  account_id: {type: string, doc: 'Its account, where it names one.'}
  org_unit_id: {type: string, doc: 'The account''s unit; the call''s or point''s own where there is no account; else the top one.'}
  staff_id: {type: string, doc: 'Who handles it, where that is known.'}
  month: {type: date, doc: First day of the month in which it began.}
  began_at: {type: timestamp, doc: When it began.}
  ended_at: {type: timestamp, doc: When it ended; empty where it did not.}
  is_open: {type: boolean, doc: It goes on.}
  time_unit: {type: string, doc: 'What its time is counted in: working_days, days or minutes.'}
  time_taken: {type: double, doc: 'In that unit, to as_of where it has not ended.'}
  time_limit: {type: double, doc: In that unit.}
  time_over: {type: double, doc: 'In that unit: taken less the limit.'}
*/
SELECT
  step_clock.subject_type,
  step_clock.subject_id,
  step_clock.kind,
  step_clock.step,
  step_clock.post,
  step_clock.account_id,
  step_clock.org_unit_id,
  step_clock.staff_id,
  MONTH_OF(step_clock.began_at) AS month,
  step_clock.began_at,
  step_clock.ended_at,
  step_clock.is_open,
  step_clock.time_unit,
  step_clock.time_taken,
  step_clock.time_limit,
  ROUND(step_clock.time_taken - step_clock.time_limit, 2) AS time_over
FROM facts.step_clock
WHERE step_clock.is_over
