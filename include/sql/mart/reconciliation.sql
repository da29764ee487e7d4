/*
grain: one row a source table and run
key: [source_table]
purpose: Proof that no row was lost; read_rows is always the sum of accepted, quarantined and superseded.
columns:
  source_table: {type: string, doc: Table of the source contract.}
  read_rows: {type: integer, doc: Rows read from the source in this run.}
  accepted_rows: {type: integer, doc: Rows taken up.}
  quarantined_rows: {type: integer, doc: 'Rows refused, each with its reason, in quarantine.<source_table>.'}
  superseded_rows: {type: integer, doc: Rows replaced by a newer one of the same key.}
  warned_rows: {type: integer, doc: Accepted rows that an expectation warned of.}
*/
SELECT r.source_table, r.read_rows, r.accepted_rows, r.quarantined_rows, r.superseded_rows, r.warned_rows
FROM quality.reconciliation AS r
