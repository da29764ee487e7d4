/*
grain: one row a suspension or reduction of capacity
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
  SELECT c.change_id, MIN(r.start_on) AS resumed_on
  FROM source.capacity_change AS c
  INNER JOIN source.capacity_change AS r ON r.account_id = c.account_id AND r.kind = 'resume' AND r.start_on > c.start_on
  WHERE c.kind IN ('suspend', 'reduce') AND c.end_on IS NULL
  GROUP BY c.change_id
)
SELECT c.change_id,
       c.account_id,
       c.kind,
       c.capacity_kva,
       c.start_on,
       c.end_on,
       COALESCE(c.end_on, CAST(r.resumed_on - INTERVAL 1 DAY AS DATE)) AS last_on
FROM source.capacity_change AS c
LEFT JOIN resumed AS r ON r.change_id = c.change_id
WHERE c.kind IN ('suspend', 'reduce')
