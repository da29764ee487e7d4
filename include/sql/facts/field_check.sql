/*
grain: one row per main point of a live account large enough to be checked in the field
key: [metering_point_id]
purpose: When a meter is to be checked in the field and when it was, decided once.
judges: state
view: true
columns:
  metering_point_id: {type: string, doc: The point.}
  account_id: {type: string, doc: Its account.}
  contracted_kva: {type: double, doc: The account's contracted capacity.}
  cycle_months: {type: integer, doc: Months between checks that it asks for.}
  not_before: {type: date, doc: Day so many months before as_of.}
  installed_on: {type: date, doc: Day the point was installed.}
  last_checked_on: {type: date, doc: Local day of its last check; empty where there was none.}
params:
  months_by_kva: {same_as: MET-09.months_by_kva}
*/
WITH asked AS (
  SELECT
    metering_point.metering_point_id,
    metering_point.account_id,
    metering_point.installed_on,
    live_account.contracted_kva,
    months_by_kva.months,
    ADD_MONTHS($as_of, CAST(-months_by_kva.months AS INT)) AS not_before
  FROM source.metering_point
  JOIN core.live_account ON live_account.account_id = metering_point.account_id
  JOIN param.months_by_kva ON live_account.contracted_kva >= months_by_kva.min_kva
  WHERE metering_point.role = 'main'
  QUALIFY
    ROW_NUMBER() OVER (PARTITION BY metering_point.metering_point_id ORDER BY months_by_kva.min_kva DESC) = 1
),

checked AS (
  SELECT
    metering_event.metering_point_id,
    CAST(MAX(metering_event.occurred_at) AS DATE) AS last_on
  FROM source.metering_event
  WHERE metering_event.kind = 'field_checked'
  GROUP BY metering_event.metering_point_id
)

SELECT
  asked.metering_point_id,
  asked.account_id,
  asked.contracted_kva,
  asked.months AS cycle_months,
  asked.not_before,
  asked.installed_on,
  checked.last_on AS last_checked_on
FROM asked
LEFT JOIN checked ON checked.metering_point_id = asked.metering_point_id
