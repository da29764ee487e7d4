/*
grain: one row per suspension or reduction of capacity
key: [change_id]
purpose: From when to when each one is in force, decided once.
view: true
columns:
  change_id: {type: string, doc: The capacity change.}
  account_id: {type: string, doc: The supply account.}
  kind: {type: string, doc: suspend or reduce.}
  capacity_kva: {type: double, doc: kVA taken out.}
  start_on: {type: date, doc: First day.}
  end_on: {type: date, doc: The end as recorded.}
  last_on: {type: date, doc: 'Last day in force: end_on, else the day before the next resume row of the account starts; empty where it goes on.'}
*/
WITH resumed AS (
  SELECT
    capacity_change.change_id,
    MIN(resumption.start_on) AS resumed_on
  FROM source.capacity_change
  INNER JOIN source.capacity_change AS resumption
    ON resumption.account_id = capacity_change.account_id
    AND resumption.kind = 'resume'
    AND resumption.start_on > capacity_change.start_on
  WHERE capacity_change.kind IN ('suspend', 'reduce') AND capacity_change.end_on IS NULL
  GROUP BY capacity_change.change_id
)

SELECT
  capacity_change.change_id,
  capacity_change.account_id,
  capacity_change.kind,
  capacity_change.capacity_kva,
  capacity_change.start_on,
  capacity_change.end_on,
  COALESCE(capacity_change.end_on, CAST(resumed.resumed_on - INTERVAL 1 DAY AS DATE)) AS last_on
FROM source.capacity_change
LEFT JOIN resumed ON resumed.change_id = capacity_change.change_id
WHERE capacity_change.kind IN ('suspend', 'reduce')
