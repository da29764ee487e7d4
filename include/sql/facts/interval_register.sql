/*
grain: one row per metering point with an active_total reading of P and an interval between the readings
key: [metering_point_id]
purpose: Intervals and register over the same stretch of time. Whole days come from the daily roll-up, only the two days of the readings are cut interval by interval.
columns:
  metering_point_id: {type: string, doc: The point.}
  account_id: {type: string, doc: Its account.}
  from_at: {type: timestamp, doc: 'Reading of the month before, else the start of P.'}
  to_at: {type: timestamp, doc: 'Reading of P, else the end of P; excluded.'}
  expected: {type: integer, doc: Intervals that start in between.}
  measured: {type: integer, doc: Measured ones with a kwh among them.}
  interval_kwh: {type: double, doc: Their energy.}
  register_kwh: {type: double, doc: Energy by the register (facts.register_energy).}
  not_checked: {type: string, doc: 'Why the register energy of the point is not recalculated (step 1 of the shadow bill): what happened at it, or that capacity or tariff of its account changed.'}
*/
WITH account_reason AS (
  SELECT
    bill_determinant.account_id,
    MIN(bill_determinant.energy_not_checked) AS reason
  FROM facts.bill_determinant
  WHERE
    bill_determinant.period = $period
    AND bill_determinant.energy_not_checked IN ('capacity_change', 'change_tariff')
  GROUP BY bill_determinant.account_id
),

changed AS (
  SELECT DISTINCT metering_event.metering_point_id
  FROM source.metering_event
  JOIN source.metering_point ON metering_point.metering_point_id = metering_event.metering_point_id
  JOIN source.bill
    ON bill.account_id = metering_point.account_id
    AND CAST(metering_event.occurred_at AS DATE) >= bill.period_start
    AND CAST(metering_event.occurred_at AS DATE) <= bill.period_end
  WHERE
    metering_event.kind = 'multiplier_changed' AND bill.corrects_bill_id IS NULL AND bill.period = $period
),

stretch AS (
  SELECT
    register_energy.metering_point_id,
    register_energy.account_id,
    CASE
      WHEN register_energy.previous_read_at IS NULL THEN $period_start_at ELSE
        register_energy.previous_read_at
    END AS from_at,
    CASE WHEN register_energy.previous_read_at IS NULL THEN $period_end_at ELSE register_energy.read_at END
      AS to_at,
    register_energy.kwh AS register_kwh,
    COALESCE(
      CASE WHEN changed.metering_point_id IS NOT NULL THEN 'multiplier_changed' END,
      register_energy.not_checked,
      account_reason.reason
    ) AS not_checked
  FROM facts.register_energy
  LEFT JOIN changed ON changed.metering_point_id = register_energy.metering_point_id
  LEFT JOIN account_reason ON account_reason.account_id = register_energy.account_id
  WHERE register_energy.period = $period AND register_energy.register = 'active_total'
),

dated AS (
  SELECT
    stretch.metering_point_id,
    stretch.from_at,
    stretch.to_at,
    CAST(stretch.from_at AS DATE) AS first_on,
    CAST(stretch.to_at AS DATE) AS last_on
  FROM stretch
  WHERE stretch.from_at < stretch.to_at
),

edge AS (
  SELECT
    dated.metering_point_id,
    dated.from_at,
    dated.to_at,
    dated.first_on AS day
  FROM dated
  UNION
  SELECT
    dated.metering_point_id,
    dated.from_at,
    dated.to_at,
    dated.last_on AS day
  FROM dated
),

part AS (
  SELECT
    interval_daily.metering_point_id,
    interval_daily.intervals,
    interval_daily.minutes,
    interval_daily.measured,
    interval_daily.measured_kwh
  FROM facts.interval_daily
  JOIN dated
    ON dated.metering_point_id = interval_daily.metering_point_id
    AND interval_daily.day > dated.first_on
    AND interval_daily.day < dated.last_on
  UNION ALL
  SELECT
    interval_reading.metering_point_id,
    COUNT(*) AS intervals,
    INTEGER_SUM(interval_reading.interval_minutes) AS minutes,
    COUNT(interval_reading.kwh) FILTER (WHERE interval_reading.quality = 'measured') AS measured,
    EXACT_SUM(interval_reading.kwh) FILTER (WHERE interval_reading.quality = 'measured') AS measured_kwh
  FROM source.interval_reading
  JOIN edge
    ON edge.metering_point_id = interval_reading.metering_point_id AND edge.day = interval_reading.day
  WHERE interval_reading.interval_start >= edge.from_at AND interval_reading.interval_start < edge.to_at
  GROUP BY interval_reading.metering_point_id
),

summed AS (
  SELECT
    part.metering_point_id,
    RATIO(60 * CAST(SUM(part.minutes) AS DOUBLE), SUM(part.intervals)) AS mean_seconds,
    INTEGER_SUM(part.measured) AS measured,
    EXACT_SUM(part.measured_kwh) AS interval_kwh
  FROM part
  GROUP BY part.metering_point_id
)

SELECT
  stretch.metering_point_id,
  stretch.account_id,
  stretch.from_at,
  stretch.to_at,
  CAST(
    CEIL(
      ROUND(
        RATIO(
          UNIX_SECONDS(stretch.to_at) - UNIX_SECONDS(CAST(CAST(stretch.from_at AS DATE) AS TIMESTAMPTZ)),
          summed.mean_seconds
        ),
        6
      )
    )
    - CEIL(
      ROUND(
        RATIO(
          UNIX_SECONDS(stretch.from_at) - UNIX_SECONDS(CAST(CAST(stretch.from_at AS DATE) AS TIMESTAMPTZ)),
          summed.mean_seconds
        ),
        6
      )
    ) AS BIGINT
  ) AS expected,
  summed.measured,
  summed.interval_kwh,
  stretch.register_kwh,
  stretch.not_checked
FROM stretch
JOIN summed ON summed.metering_point_id = stretch.metering_point_id
