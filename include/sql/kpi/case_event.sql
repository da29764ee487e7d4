/*
grain: one row per event of an audit case that is no effect, up to as_of
key: [case_id, event_no]
purpose: What happened to cases, with the due date and the unit as they stood after each event.
columns:
  case_id: {type: string, doc: The case.}
  event_no: {type: integer, doc: Number of the event.}
  on_day: {type: date, doc: The day it counts for.}
  is_night: {type: boolean, doc: The night did it.}
  step: {type: string, doc: The step.}
  from_state: {type: string, doc: State before; empty where it is the first.}
  to_state: {type: string, doc: State after.}
  is_entered: {type: boolean, doc: The state is another one than before.}
  due_on: {type: date, doc: Due date after it; empty where there is none.}
  org_unit_id: {type: string, doc: Unit the case is assigned to after it; empty where to none.}
  rectified_on: {type: date, doc: Day on which the case was last said to be mended.}
*/
WITH told AS (
  SELECT
    audit_case_event.case_id,
    audit_case_event.event_no,
    audit_case_event.on_day,
    audit_case_event.is_night,
    audit_case_event.step,
    audit_case_event.from_state,
    audit_case_event.to_state,
    COALESCE(audit_case_event.from_state, '') <> audit_case_event.to_state AS is_entered,
    CASE
      WHEN audit_case_event.step = 'link' THEN ''
      WHEN audit_case_event.step IN ('open', 'reopen', 'extend', 'unlink')
        THEN NULLIF(REGEXP_EXTRACT(audit_case_event.detail, '"due_on": *"([0-9-]+)"', 1), '')
    END AS due,
    CASE
      WHEN audit_case_event.step IN ('open', 'reopen', 'link', 'unlink') THEN ''
      WHEN audit_case_event.step IN ('assign', 'take', 'move')
        THEN
          COALESCE(
            NULLIF(REGEXP_EXTRACT(audit_case_event.detail, '"org_unit_id": *"([^"]*)"', 1), ''),
            -- Who takes a case takes it for the own unit.
            CASE WHEN audit_case_event.step = 'take' THEN audit_case_event.actor_org_unit_id END,
            CASE
              WHEN
                audit_case_event.event_no = MAX(audit_case_event.event_no) FILTER (
                  WHERE audit_case_event.step IN (
                    'open', 'reopen', 'link', 'unlink', 'assign', 'take', 'move'
                  )
                ) OVER (PARTITION BY audit_case_event.case_id)
                THEN audit_case.assigned_org_unit_id
            END
          )
    END AS unit
  FROM cases.audit_case_event
  JOIN cases.audit_case ON audit_case.case_id = audit_case_event.case_id
  WHERE audit_case.root_cause_case_id IS NULL AND audit_case_event.on_day <= $as_of
)

SELECT
  told.case_id,
  told.event_no,
  told.on_day,
  told.is_night,
  told.step,
  told.from_state,
  told.to_state,
  told.is_entered,
  CAST(NULLIF(LAST_VALUE(told.due IGNORE NULLS) OVER earlier, '') AS DATE) AS due_on,
  NULLIF(LAST_VALUE(told.unit IGNORE NULLS) OVER earlier, '') AS org_unit_id,
  LAST_VALUE(CASE WHEN told.is_entered AND told.to_state = 'rectified' THEN told.on_day END IGNORE NULLS)
    OVER earlier AS rectified_on
FROM told
WINDOW earlier AS (
  PARTITION BY told.case_id ORDER BY told.event_no ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
)
