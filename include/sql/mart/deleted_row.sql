/*
grain: one row per night that compared keys in the last seven days and key that had gone from the source
key: [source_table, row_key, as_of]
purpose: >-
  Rows that were taken up before and that the source has no longer, found by comparing all keys (deletions of the source's settings);
  so many of a table and night at most, mart.reconciliation has their number.
columns:
  source_table: {type: string, doc: Table of the source contract.}
  row_key: {type: string, doc: 'Key of the row, its parts joined by |.'}
  as_of: {type: date, doc: Date of the night that found it gone.}
  is_removed: {type: boolean, doc: 'Whether it was taken out; else it stands as it was, and is found again.'}
params:
  max_rows: {type: integer, default: 10000, minimum: 1, doc: 'Rows listed of a table and night, the first by key.'}
*/
SELECT
  deleted_row.source_table,
  deleted_row.row_key,
  deleted_row.as_of,
  deleted_row.is_removed
FROM quality.deleted_row
WHERE DATE_DIFF('day', deleted_row.as_of, $as_of) BETWEEN 0 AND 6
QUALIFY
  ROW_NUMBER() OVER (
    PARTITION BY deleted_row.source_table, deleted_row.as_of ORDER BY deleted_row.row_key ASC NULLS LAST
  ) <= $max_rows
