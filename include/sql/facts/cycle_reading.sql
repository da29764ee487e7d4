/*
grain: one row per metering point of an account whose bills cover several months and period up to P in which it was read
key: [metering_point_id, period]
purpose: Which reading of such a point came before which; "the periods before" are those that were read.
columns:
  metering_point_id: {type: string, doc: The point.}
  account_id: {type: string, doc: Its account.}
  period: {type: date, doc: First day of a period with an active_total reading.}
  read_no: {type: integer, doc: '0 for P, 1 for the last read period before P, and so on.'}
  earlier_period: {type: date, doc: The read period before it; empty for the first.}
*/
WITH read AS (
  SELECT
    register_reading.metering_point_id,
    metering_point.account_id,
    register_reading.period
  FROM facts.billing_cycle
  JOIN source.metering_point ON metering_point.account_id = billing_cycle.account_id
  JOIN source.register_reading ON register_reading.metering_point_id = metering_point.metering_point_id
  WHERE register_reading.register = 'active_total' AND register_reading.period <= $period
)

SELECT
  read.metering_point_id,
  read.account_id,
  read.period,
  ROW_NUMBER()
    OVER (
      PARTITION BY read.metering_point_id, read.period = $period ORDER BY read.period DESC
    )
  - CASE WHEN read.period = $period THEN 1 ELSE 0 END AS read_no,
  LAG(read.period) OVER (PARTITION BY read.metering_point_id ORDER BY read.period) AS earlier_period
FROM read
