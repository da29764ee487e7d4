/*
grain: one row per call to the hotline
key: [call_id]
purpose: How long a call took to the crew's arrival and to its settling, decided once.
view: true
columns:
  call_id: {type: string, doc: The call.}
  kind: {type: string, doc: As in source.service_call.}
  account_id: {type: string, doc: 'Its account, where it names one.'}
  org_unit_id: {type: string, doc: 'Its own unit, where it names one.'}
  site: {type: string, doc: 'urban, rural or remote.'}
  staff_id: {type: string, doc: Who handles it.}
  opened_at: {type: timestamp, doc: When it came.}
  arrived_at: {type: timestamp, doc: When the crew was on site; empty while it is not.}
  resolved_at: {type: timestamp, doc: When it was settled; empty while it is not.}
  arrival_us: {type: integer, doc: 'Microseconds from its opening to the arrival, to the end of as_of where there is none.'}
  passed_us: {type: integer, doc: Microseconds from its opening to the end of as_of.}
  opened_no: {type: integer, doc: Number of the working day on which it came (core.calendar).}
  working_days: {type: integer, doc: 'Working days from its opening to its settling, to as_of where it is open.'}
*/
SELECT
  service_call.call_id,
  service_call.kind,
  service_call.account_id,
  service_call.org_unit_id,
  service_call.site,
  service_call.staff_id,
  service_call.opened_at,
  service_call.arrived_at,
  service_call.resolved_at,
  UNIX_MICROS(COALESCE(service_call.arrived_at, $as_of_end)) - UNIX_MICROS(service_call.opened_at)
    AS arrival_us,
  UNIX_MICROS($as_of_end) - UNIX_MICROS(service_call.opened_at) AS passed_us,
  opened_day.working_day_no AS opened_no,
  resolved_day.working_day_no - opened_day.working_day_no AS working_days
FROM source.service_call
LEFT JOIN core.calendar AS opened_day ON opened_day.day = CAST(service_call.opened_at AS DATE)
LEFT JOIN core.calendar AS resolved_day
  ON resolved_day.day = COALESCE(CAST(service_call.resolved_at AS DATE), $as_of)
