/*
grain: one row per key and file with rows that differ from the row that holds the key, at the same moment
key: [source_table, row_key, file]
purpose: Deliveries that contradict one another; the source should say which of the two is so.
columns:
  source_table: {type: string, doc: Table of the source contract.}
  row_key: {type: string, doc: 'Key of the rows, its parts joined by |.'}
  file: {type: string, doc: File or table that the superseded rows stood in.}
  rows: {type: integer, doc: So many superseded rows of the key there differ.}
*/
SELECT
  conflicting_row.source_table,
  conflicting_row.row_key,
  conflicting_row.file,
  conflicting_row.rows
FROM quality.conflicting_row
