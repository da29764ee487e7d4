/*
grain: one row per source table
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
  SELECT
    source_intake.as_of,
    source_intake.source_table,
    source_intake.newest_at,
    source_intake.newest_on,
    source_intake.new_rows,
    source_intake.usual_gap_days,
    calendar.is_working_day
  FROM quality.source_intake
  LEFT JOIN core.calendar ON calendar.day = source_intake.as_of
  WHERE source_intake.as_of <= $as_of AND source_intake.as_of > $as_of - $usual_days
),

tonight AS (
  SELECT
    source_table,
    newest_at,
    DATE_DIFF('day', newest_on, $as_of) AS days_behind,
    usual_gap_days,
    new_rows,
    is_working_day
  FROM night
  WHERE as_of = $as_of
),

usual AS (
  SELECT
    tonight.source_table,
    COUNT(night.new_rows) AS nights,
    CAST(MEDIAN(CAST(night.new_rows AS DOUBLE)) AS DOUBLE) AS usual_rows
  FROM tonight
  JOIN night
    ON night.source_table = tonight.source_table
    AND night.as_of < $as_of
    AND night.is_working_day = tonight.is_working_day
  GROUP BY tonight.source_table
)

SELECT
  tonight.source_table,
  tonight.newest_at,
  tonight.days_behind,
  tonight.usual_gap_days,
  tonight.new_rows AS rows_tonight,
  CASE WHEN usual.nights >= $usual_nights THEN usual.usual_rows END AS usual_rows,
  COALESCE(usual.nights, 0) AS nights,
  COALESCE(
    tonight.days_behind > $stale_days AND tonight.days_behind > $stale_gaps * tonight.usual_gap_days, FALSE
  ) AS is_stale,
  COALESCE(
    usual.nights >= $usual_nights
    AND usual.usual_rows >= $usual_least_rows
    AND tonight.new_rows < $short_share * usual.usual_rows,
    FALSE
  ) AS is_short
FROM tonight
LEFT JOIN usual ON usual.source_table = tonight.source_table
