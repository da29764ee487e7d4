/*
grain: one row per call
key: [call_id]
purpose: Calls to the hotline and how they were dealt with.
columns:
  call_id: {type: string, doc: The call.}
  account_id: {type: string, doc: 'The account it concerns, where there is one.'}
  org_unit_id: {type: string, doc: 'Unit of the account; the call''s own where it names no account; else the top one.'}
  kind: {type: string, doc: 'complaint, repair, enquiry, suggestion or praise.'}
  site: {type: string, doc: 'urban, rural or remote.'}
  opened_at: {type: timestamp, doc: When it came in.}
  arrived_at: {type: timestamp, doc: When the crew was on site; empty while it is not.}
  resolved_at: {type: timestamp, doc: When it was settled; empty while it is not.}
  arrival_minutes: {type: integer, doc: Whole minutes from opened_at to arrived_at.}
  satisfaction: {type: integer, doc: '1 (worst) to 5.'}
  topic: {type: string, doc: What it was about.}
  severity: {type: string, doc: 'general, major or critical.'}
  staff_id: {type: string, doc: Who dealt with it.}
*/
SELECT
  service_call.call_id,
  service_call.account_id,
  COALESCE(account.org_unit_id, service_call.org_unit_id, top_unit.org_unit_id) AS org_unit_id,
  service_call.kind,
  service_call.site,
  service_call.opened_at,
  service_call.arrived_at,
  service_call.resolved_at,
  CAST(
    FLOOR((UNIX_SECONDS(service_call.arrived_at) - UNIX_SECONDS(service_call.opened_at)) / 60) AS BIGINT
  ) AS arrival_minutes,
  service_call.satisfaction,
  service_call.topic,
  service_call.severity,
  service_call.staff_id
FROM source.service_call
LEFT JOIN source.account ON account.account_id = service_call.account_id
LEFT JOIN core.top_unit ON TRUE
