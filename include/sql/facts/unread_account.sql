/*
grain: one row per account with a main or sub point that is there and was not read for P
key: [account_id]
purpose: Whose energy of P its readings cannot say, decided once.
columns:
  account_id: {type: string, doc: The supply account.}
*/
WITH read AS (
  SELECT
    register_reading.metering_point_id,
    MAX(register_reading.period) AS last_period,
    MAX(register_reading.read_at) AS last_read_at
  FROM source.register_reading
  WHERE
    register_reading.register = 'active_total'
    AND register_reading.period >= ADD_MONTHS($period, -1)
    AND register_reading.period <= $period
  GROUP BY register_reading.metering_point_id
),

removed AS (
  SELECT
    metering_event.metering_point_id,
    MAX(metering_event.occurred_at) AS removed_at
  FROM source.metering_event
  WHERE metering_event.kind = 'remove'
  GROUP BY metering_event.metering_point_id
)

-- Read for the month before, or there before P (as is one without a date), and not read for P: what the
-- account used is not the sum of its other points. A point that was removed after its last reading, before
-- P ended, is no longer there.
SELECT DISTINCT metering_point.account_id
FROM source.metering_point
LEFT JOIN read ON read.metering_point_id = metering_point.metering_point_id
LEFT JOIN removed
  ON removed.metering_point_id = metering_point.metering_point_id
  AND (read.last_read_at IS NULL OR removed.removed_at >= read.last_read_at)
  AND removed.removed_at < $period_end_at
WHERE
  metering_point.role IN ('main', 'sub')
  AND metering_point.account_id IS NOT NULL
  AND (
    read.last_period < $period
    OR (
      read.last_period IS NULL
      AND (metering_point.installed_on IS NULL OR metering_point.installed_on < $period)
    )
  )
  AND removed.metering_point_id IS NULL
