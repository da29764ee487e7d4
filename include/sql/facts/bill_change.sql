/*
grain: one row per bill that corrects none and within which capacity, its relief or a multiplier changed
key: [bill_id]
purpose: >-
  What happened within bills. Few bills have any of it, so that it is worked out once and what prices bills looks it up.
columns:
  bill_id: {type: string, doc: The bill.}
  is_grown: {type: boolean, doc: 'A new or increase row of capacity_change began within it, later than on its first day.'}
  new_on: {type: date, doc: When the last new row of these began.}
  out_kva_days: {type: double, doc: 'kVA that facts.capacity_relief takes off, at most those contracted, summed over its days.'}
  is_multiplied: {type: boolean, doc: A multiplier of one of its points changed within it.}
*/
WITH taken_out AS (
  SELECT
    bill.bill_id,
    EXACT_SUM(LEAST(capacity_relief.relief_kva, account.contracted_kva)) AS out_kva_days
  FROM facts.capacity_relief
  JOIN source.account ON account.account_id = capacity_relief.account_id
  JOIN source.bill
    ON bill.account_id = capacity_relief.account_id
    AND capacity_relief.day >= bill.period_start
    AND capacity_relief.day <= bill.period_end
  WHERE bill.corrects_bill_id IS NULL
  GROUP BY bill.bill_id
),

begun AS (
  SELECT
    bill.bill_id,
    MAX(CASE WHEN capacity_change.kind = 'new' THEN capacity_change.start_on END) AS new_on
  FROM source.capacity_change
  JOIN source.bill
    ON bill.account_id = capacity_change.account_id
    AND capacity_change.start_on > bill.period_start
    AND capacity_change.start_on <= bill.period_end
  WHERE capacity_change.kind IN ('new', 'increase') AND bill.corrects_bill_id IS NULL
  GROUP BY bill.bill_id
),

multiplied AS (
  SELECT DISTINCT bill.bill_id
  FROM source.metering_event
  JOIN source.metering_point
    ON metering_point.metering_point_id = metering_event.metering_point_id
    AND metering_point.role IN ('main', 'sub')
  JOIN source.bill
    ON bill.account_id = metering_point.account_id
    AND CAST(metering_event.occurred_at AS DATE) >= bill.period_start
    AND CAST(metering_event.occurred_at AS DATE) <= bill.period_end
  WHERE metering_event.kind = 'multiplier_changed' AND bill.corrects_bill_id IS NULL
),

-- Each is one row per bill, and a bill may have any of them.
happened AS (
  SELECT
    begun.bill_id,
    TRUE AS is_grown,
    begun.new_on,
    CAST(NULL AS DOUBLE) AS out_kva_days,
    FALSE AS is_multiplied
  FROM begun
  UNION ALL
  SELECT
    taken_out.bill_id,
    FALSE,
    CAST(NULL AS DATE) AS new_on,
    taken_out.out_kva_days,
    FALSE
  FROM taken_out
  UNION ALL
  SELECT
    multiplied.bill_id,
    FALSE,
    CAST(NULL AS DATE) AS new_on,
    CAST(NULL AS DOUBLE) AS out_kva_days,
    TRUE
  FROM multiplied
)

SELECT
  happened.bill_id,
  BOOL_OR(happened.is_grown) AS is_grown,
  MAX(happened.new_on) AS new_on,
  COALESCE(MAX(happened.out_kva_days), 0) AS out_kva_days,
  BOOL_OR(happened.is_multiplied) AS is_multiplied
FROM happened
GROUP BY happened.bill_id
