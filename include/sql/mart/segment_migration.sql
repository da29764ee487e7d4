/*
grain: one row per classification method
key: [method]
purpose: How many customers the night moved between segments, and how many it was allowed to.
columns:
  method: {type: string, doc: Classification method.}
  customers: {type: integer, doc: Customers classified in the last night and tonight.}
  moved: {type: integer, doc: 'Of those, in another segment tonight.'}
  moved_share: {type: double, doc: moved over customers.}
  max_share: {type: double, doc: Largest share allowed; empty where there is no limit.}
*/
SELECT
  migration.method,
  migration.customers,
  migration.moved,
  migration.moved_share,
  migration.max_share
FROM segment.migration
