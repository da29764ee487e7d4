/*
grain: one row per metering point, month (P and the 11 before) and register that was read
key: [metering_point_id, period, register]
purpose: What each reading says was used, rolled over or split at a replacement where it must be, and why it cannot be said where it cannot.
view: true
columns:
  metering_point_id: {type: string, doc: The point.}
  account_id: {type: string, doc: Its account; empty for area and line points.}
  role: {type: string, doc: 'main, sub, check, area or line.'}
  period: {type: date, doc: First day of the billing month.}
  register: {type: string, doc: As read.}
  kwh: {type: double, doc: 'Energy since the period before (kvarh of reactive_total, kW of max_demand_kw), multiplied; empty where not_checked.'}
  read_at: {type: timestamp, doc: When it was read.}
  previous_read_at: {type: timestamp, doc: 'When the same register was read for the calendar month before, or, where a bill covers several months, for the last read period before; there for P, and elsewhere where something happened in between.'}
  earlier_value: {type: double, doc: current_value of that earlier reading.}
  previous_value: {type: double, doc: As on the reading.}
  current_value: {type: double, doc: As on the reading.}
  multiplier: {type: double, doc: The point's billing multiplier as it stands.}
  method: {type: string, doc: 'remote, manual or estimated.'}
  replaces: {type: integer, doc: 'replace events of the point between the two readings (of whatever register); where the earlier one is missing, from the month''s first day.'}
  swaps: {type: integer, doc: 'install, remove and replace events between the two readings.'}
  is_rollover: {type: boolean, doc: 'current is below previous, no replace lies in between, and the register rolled over (previous at least 90% of 10^digits and the wrapped difference within contracted_kva x hours of the month, as many months as a bill covers). Empty where digits are unknown. A point without an account has no kVA to pass.'}
  not_checked: {type: string, doc: 'multiplier_changed, second_replace, register_without_event or previous_value_missing.'}
*/
WITH event AS (
  SELECT
    metering_event.metering_point_id,
    metering_event.kind,
    metering_event.occurred_at,
    metering_event.old_value,
    metering_event.new_value,
    COALESCE(NULLIF(TRIM(metering_event.register), ''), 'active_total') AS register
  FROM source.metering_event
  WHERE
    metering_event.kind IN ('replace', 'multiplier_changed', 'install', 'remove')
    AND metering_event.occurred_at >= CAST(ADD_MONTHS($period, -14) AS TIMESTAMPTZ)
),

-- Where a bill covers several months the reading before is the last one there is, however
-- long ago.
cycle_point AS (
  SELECT
    cycle_reading.metering_point_id,
    MAX(CASE WHEN cycle_reading.period = $period THEN cycle_reading.earlier_period END) AS earlier_period
  FROM facts.cycle_reading
  GROUP BY cycle_reading.metering_point_id
),

touched AS (
  SELECT
    event.metering_point_id,
    BOOL_OR(cycle_point.metering_point_id IS NOT NULL) AS is_cycle
  FROM event
  LEFT JOIN cycle_point ON cycle_point.metering_point_id = event.metering_point_id
  GROUP BY event.metering_point_id
),

touched_reading AS (
  SELECT
    register_reading.metering_point_id,
    register_reading.period,
    register_reading.register,
    register_reading.read_at,
    touched.is_cycle,
    LAG(register_reading.period) OVER w AS earlier_period,
    LAG(register_reading.read_at) OVER w AS earlier_read_at,
    LAG(register_reading.current_value) OVER w AS earlier_value
  FROM source.register_reading
  JOIN touched ON touched.metering_point_id = register_reading.metering_point_id
  WHERE register_reading.period >= ADD_MONTHS($period, -12) AND register_reading.period <= $period
  WINDOW
    w AS (
      PARTITION BY register_reading.metering_point_id, register_reading.register
      ORDER BY register_reading.period
    )
),

paired AS (
  SELECT
    touched_reading.metering_point_id,
    touched_reading.period,
    touched_reading.register,
    touched_reading.read_at,
    CASE
      WHEN
        touched_reading.is_cycle
        OR touched_reading.earlier_period = ADD_MONTHS(touched_reading.period, -1)
        THEN touched_reading.earlier_read_at
    END AS earlier_read_at,
    CASE
      WHEN
        touched_reading.is_cycle
        OR touched_reading.earlier_period = ADD_MONTHS(touched_reading.period, -1)
        THEN touched_reading.earlier_value
    END AS earlier_value
  FROM touched_reading
),

happened AS (
  SELECT
    paired.metering_point_id,
    paired.period,
    paired.register,
    MAX(paired.earlier_read_at) AS earlier_read_at,
    MAX(paired.earlier_value) AS earlier_value,
    COUNT(*) FILTER (WHERE event.kind = 'multiplier_changed') AS multiplier_changes,
    COUNT(*) FILTER (WHERE event.kind = 'replace') AS replaces,
    COUNT(*) FILTER (WHERE event.kind IN ('install', 'remove', 'replace')) AS swaps,
    COUNT(DISTINCT CASE WHEN event.kind = 'replace' THEN event.occurred_at END) AS replacements,
    MIN(CASE WHEN event.kind = 'replace' AND event.register = paired.register THEN event.old_value END)
      AS lowest_old_value,
    MAX(CASE WHEN event.kind = 'replace' AND event.register = paired.register THEN event.old_value END)
      AS old_value,
    MIN(CASE WHEN event.kind = 'replace' AND event.register = paired.register THEN event.new_value END)
      AS lowest_new_value,
    MAX(CASE WHEN event.kind = 'replace' AND event.register = paired.register THEN event.new_value END)
      AS new_value
  FROM paired
  JOIN event
    ON event.metering_point_id = paired.metering_point_id
    AND event.occurred_at <= paired.read_at
    AND (
      event.occurred_at > paired.earlier_read_at
      OR (paired.earlier_read_at IS NULL AND CAST(event.occurred_at AS DATE) >= paired.period)
    )
  GROUP BY paired.metering_point_id, paired.period, paired.register
),

point AS (
  SELECT
    metering_point.metering_point_id,
    metering_point.account_id,
    metering_point.role,
    metering_point.multiplier,
    POWER(10, meter.digits) AS register_size,
    account.contracted_kva,
    COALESCE(billing_cycle.billing_months, 1) AS billing_months
  FROM source.metering_point
  LEFT JOIN source.meter ON meter.meter_id = metering_point.meter_id
  LEFT JOIN source.account ON account.account_id = metering_point.account_id
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = metering_point.account_id
),

earlier AS (
  SELECT
    register_reading.metering_point_id,
    register_reading.register,
    register_reading.read_at,
    register_reading.current_value
  FROM source.register_reading
  LEFT JOIN cycle_point ON cycle_point.metering_point_id = register_reading.metering_point_id
  WHERE
    register_reading.period = ADD_MONTHS($period, -1)
    AND (cycle_point.metering_point_id IS NULL OR cycle_point.earlier_period = register_reading.period)
  UNION ALL
  SELECT
    register_reading.metering_point_id,
    register_reading.register,
    register_reading.read_at,
    register_reading.current_value
  FROM cycle_point
  JOIN source.register_reading
    ON register_reading.metering_point_id = cycle_point.metering_point_id
    AND register_reading.period = cycle_point.earlier_period
  WHERE cycle_point.earlier_period < ADD_MONTHS($period, -1)
),

joined AS (
  SELECT
    register_reading.metering_point_id,
    point.account_id,
    point.role,
    register_reading.period,
    register_reading.register,
    register_reading.read_at,
    COALESCE(earlier.read_at, happened.earlier_read_at) AS previous_read_at,
    COALESCE(earlier.current_value, happened.earlier_value) AS earlier_value,
    register_reading.previous_value,
    register_reading.current_value,
    point.multiplier,
    point.register_size,
    register_reading.method,
    COALESCE(happened.replaces, 0) AS replaces,
    COALESCE(happened.swaps, 0) AS swaps,
    happened.old_value,
    happened.new_value,
    CASE
      WHEN
        register_reading.current_value >= register_reading.previous_value
        OR COALESCE(happened.replaces, 0) > 0
        THEN FALSE
      ELSE
        register_reading.previous_value >= 0.9 * point.register_size
        AND (
          point.account_id IS NULL
          OR ROUND(
            (point.register_size - register_reading.previous_value + register_reading.current_value)
            * point.multiplier,
            6
          )
          <= ROUND(point.contracted_kva * point.billing_months * CASE
            WHEN register_reading.period = $period THEN $period_hours
            ELSE 24 * (DATE_DIFF('day', register_reading.period, LAST_DAY(register_reading.period)) + 1)
          END, 6)
        )
    END AS is_rollover,
    CASE
      WHEN happened.multiplier_changes > 0 THEN 'multiplier_changed'
      WHEN register_reading.register = 'max_demand_kw' THEN NULL
      -- The registers of one replacement share its moment; a register said twice at it has two values.
      WHEN
        happened.replacements > 1
        OR happened.lowest_old_value < happened.old_value
        OR happened.lowest_new_value < happened.new_value
        THEN 'second_replace'
      WHEN
        happened.replaces > 0 AND (happened.old_value IS NULL OR happened.new_value IS NULL)
        THEN 'register_without_event'
      WHEN
        register_reading.previous_value IS NULL
        AND (
          COALESCE(happened.replaces, 0) = 0
          OR COALESCE(earlier.current_value, happened.earlier_value) IS NULL
        )
        THEN 'previous_value_missing'
    END AS not_checked
  FROM source.register_reading
  JOIN point ON point.metering_point_id = register_reading.metering_point_id
  LEFT JOIN earlier
    ON earlier.metering_point_id = register_reading.metering_point_id
    AND earlier.register = register_reading.register
    AND register_reading.period = $period
  LEFT JOIN happened
    ON happened.metering_point_id = register_reading.metering_point_id
    AND happened.period = register_reading.period
    AND happened.register = register_reading.register
  WHERE register_reading.period >= ADD_MONTHS($period, -11) AND register_reading.period <= $period
)

SELECT
  joined.metering_point_id,
  joined.account_id,
  joined.role,
  joined.period,
  joined.register,
  CASE
    WHEN joined.not_checked IS NOT NULL THEN NULL
    WHEN joined.register = 'max_demand_kw' THEN joined.current_value
    WHEN
      joined.replaces > 0
      THEN
        (joined.old_value - COALESCE(joined.earlier_value, joined.previous_value))
        + (joined.current_value - joined.new_value)
    WHEN joined.is_rollover THEN joined.register_size - joined.previous_value + joined.current_value
    ELSE joined.current_value - joined.previous_value
  END * joined.multiplier AS kwh,
  joined.read_at,
  joined.previous_read_at,
  joined.earlier_value,
  joined.previous_value,
  joined.current_value,
  joined.multiplier,
  joined.method,
  joined.replaces,
  joined.swaps,
  joined.is_rollover,
  joined.not_checked
FROM joined
