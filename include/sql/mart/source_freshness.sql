/*
grain: one row a source table
key: [source_table]
purpose: Whether the source handed over what it usually does; a table that is behind or short is told to whom notify names.
columns:
  source_table: {type: string, doc: Table of the source contract.}
  newest_at: {type: timestamp, doc: 'Newest event time, or time of change, known at the end of as_of; empty where the table has none.'}
  days_behind: {type: integer, doc: Local days from the newest row to as_of.}
  usual_gap_days: {type: integer, doc: Longest distance between days with rows in the 400 days before the newest row; empty where there are fewer than five such days.}
  rows_tonight: {type: integer, doc: 'Rows newer than any known the night before; of a table without times, all rows handed over. Empty on the first night.'}
  usual_rows: {type: double, doc: 'Median of rows_tonight over earlier nights of the same kind, working days or not; empty where there are too few.'}
  nights: {type: integer, doc: Earlier nights that usual_rows rests on.}
  is_stale: {type: boolean, doc: The newest row is further behind than stale_days and than stale_gaps of the table's usual gap; never of a table whose gap is not known.}
  is_short: {type: boolean, doc: Fewer rows than short_share of the usual ones.}
params:
  usual_days: {type: integer, default: 28, minimum: 7, doc: Days back in which earlier nights are looked at.}
  usual_nights: {type: integer, default: 4, minimum: 2, doc: Fewest earlier nights that say what is usual.}
  usual_least_rows: {type: integer, default: 20, minimum: 0, doc: A table with fewer usual rows is never called short.}
  short_share: {type: number, default: 0.5, minimum: 0, maximum: 1, doc: Share of the usual rows below which a night is short.}
  stale_gaps: {type: number, default: 2, minimum: 1, doc: Usual gaps behind that are never called stale.}
  stale_days: {type: integer, default: 2, minimum: 0, doc: Days behind that are never called stale.}
*/
WITH night AS (
  SELECT i.as_of, i.source_table, i.newest_at, i.newest_on, i.new_rows, i.usual_gap_days, c.is_working_day
  FROM quality.source_intake AS i
  LEFT JOIN core.calendar AS c ON c.day = i.as_of
  WHERE i.as_of <= $as_of AND i.as_of > $as_of - $usual_days
),
tonight AS (
  SELECT source_table, newest_at, DATE_DIFF('day', newest_on, $as_of) AS days_behind, usual_gap_days, new_rows, is_working_day
  FROM night
  WHERE as_of = $as_of
),
usual AS (
  SELECT t.source_table, COUNT(n.new_rows) AS nights, CAST(MEDIAN(CAST(n.new_rows AS DOUBLE)) AS DOUBLE) AS usual_rows
  FROM tonight AS t
  JOIN night AS n ON n.source_table = t.source_table AND n.as_of < $as_of AND n.is_working_day = t.is_working_day
  GROUP BY t.source_table
)
SELECT
  t.source_table,
  t.newest_at,
  t.days_behind,
  t.usual_gap_days,
  t.new_rows AS rows_tonight,
  CASE WHEN u.nights >= $usual_nights THEN u.usual_rows END AS usual_rows,
  COALESCE(u.nights, 0) AS nights,
  COALESCE(t.days_behind > $stale_days AND t.days_behind > $stale_gaps * t.usual_gap_days, FALSE) AS is_stale,
  COALESCE(u.nights >= $usual_nights AND u.usual_rows >= $usual_least_rows AND t.new_rows < $short_share * u.usual_rows, FALSE) AS is_short
FROM tonight AS t
LEFT JOIN usual AS u ON u.source_table = t.source_table
