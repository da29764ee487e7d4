/*
grain: one row per source table and run
key: [source_table]
purpose: >-
  Proof that no row was lost, over all rows that the source handed over and did not take back; read_rows is always the sum of
  accepted, quarantined and superseded.
columns:
  source_table: {type: string, doc: Table of the source contract.}
  read_rows: {type: integer, doc: 'Rows of the source that are known, read in this run or before.'}
  accepted_rows: {type: integer, doc: Rows taken up.}
  quarantined_rows: {type: integer, doc: 'Rows refused, each with its reason, in quarantine.<source_table>.'}
  superseded_rows: {type: integer, doc: 'Rows of a key that another row holds: newer, better or delivered later.'}
  conflicting_rows: {type: integer, doc: 'Of the superseded: they differed from what holds, at the same moment.'}
  warned_rows: {type: integer, doc: Accepted rows that an expectation warned of.}
  fresh_rows: {type: integer, doc: Rows read from the source in this run.}
  fresh_faulty_rows: {type: integer, doc: Of those the rows refused for a fault of their own.}
  deleted_rows: {type: integer, doc: 'Rows known before that went from the source; empty where this run compared no keys.'}
*/
SELECT
  reconciliation.source_table,
  reconciliation.read_rows,
  reconciliation.accepted_rows,
  reconciliation.quarantined_rows,
  reconciliation.superseded_rows,
  reconciliation.conflicting_rows,
  reconciliation.warned_rows,
  reconciliation.fresh_rows,
  reconciliation.fresh_faulty_rows,
  reconciliation.deleted_rows
FROM quality.reconciliation
