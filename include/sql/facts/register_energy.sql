/*
grain: one row a metering point, month (P and the 11 before) and register that was read
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
  previous_read_at: {type: timestamp, doc: 'When the same register was read for the calendar month before; there for P, and elsewhere where something happened in between.'}
  earlier_value: {type: double, doc: current_value of that earlier reading.}
  previous_value: {type: double, doc: As on the reading.}
  current_value: {type: double, doc: As on the reading.}
  multiplier: {type: double, doc: The point's billing multiplier as it stands.}
  method: {type: string, doc: 'remote, manual or estimated.'}
  replaces: {type: integer, doc: 'replace events of the point between the two readings (of whatever register); where the earlier one is missing, from the month''s first day.'}
  swaps: {type: integer, doc: 'install, remove and replace events between the two readings.'}
  is_rollover: {type: boolean, doc: 'current is below previous, no replace lies in between, and the register rolled over (previous at least 90% of 10^digits and the wrapped difference within contracted_kva x hours of the month). Empty where digits are unknown. A point without an account has no kVA to pass.'}
  not_checked: {type: string, doc: 'multiplier_changed, second_replace, register_without_event or previous_value_missing.'}
*/
WITH event AS (
  SELECT e.metering_point_id, e.kind, e.occurred_at, e.old_value, e.new_value, COALESCE(NULLIF(TRIM(e.register), ''), 'active_total') AS register
  FROM source.metering_event AS e
  WHERE e.kind IN ('replace', 'multiplier_changed', 'install', 'remove')
    AND e.occurred_at >= CAST(ADD_MONTHS($period, -14) AS TIMESTAMPTZ)
),
touched AS (
  SELECT DISTINCT e.metering_point_id FROM event AS e
),
touched_reading AS (
  SELECT r.metering_point_id,
         r.period,
         r.register,
         r.read_at,
         LAG(r.period) OVER w AS earlier_period,
         LAG(r.read_at) OVER w AS earlier_read_at,
         LAG(r.current_value) OVER w AS earlier_value
  FROM source.register_reading AS r
  JOIN touched AS t ON t.metering_point_id = r.metering_point_id
  WHERE r.period >= ADD_MONTHS($period, -12) AND r.period <= $period
  WINDOW w AS (PARTITION BY r.metering_point_id, r.register ORDER BY r.period)
),
paired AS (
  SELECT r.metering_point_id,
         r.period,
         r.register,
         r.read_at,
         CASE WHEN r.earlier_period = ADD_MONTHS(r.period, -1) THEN r.earlier_read_at END AS earlier_read_at,
         CASE WHEN r.earlier_period = ADD_MONTHS(r.period, -1) THEN r.earlier_value END AS earlier_value
  FROM touched_reading AS r
),
happened AS (
  SELECT p.metering_point_id,
         p.period,
         p.register,
         MAX(p.earlier_read_at) AS earlier_read_at,
         MAX(p.earlier_value) AS earlier_value,
         COUNT(*) FILTER (WHERE e.kind = 'multiplier_changed') AS multiplier_changes,
         COUNT(*) FILTER (WHERE e.kind = 'replace') AS replaces,
         COUNT(*) FILTER (WHERE e.kind IN ('install', 'remove', 'replace')) AS swaps,
         COUNT(DISTINCT CASE WHEN e.kind = 'replace' THEN e.occurred_at END) AS replacements,
         MIN(CASE WHEN e.kind = 'replace' AND e.register = p.register THEN e.old_value END) AS lowest_old_value,
         MAX(CASE WHEN e.kind = 'replace' AND e.register = p.register THEN e.old_value END) AS old_value,
         MIN(CASE WHEN e.kind = 'replace' AND e.register = p.register THEN e.new_value END) AS lowest_new_value,
         MAX(CASE WHEN e.kind = 'replace' AND e.register = p.register THEN e.new_value END) AS new_value
  FROM paired AS p
  JOIN event AS e
    ON e.metering_point_id = p.metering_point_id
   AND e.occurred_at <= p.read_at
   AND (e.occurred_at > p.earlier_read_at OR (p.earlier_read_at IS NULL AND CAST(e.occurred_at AS DATE) >= p.period))
  GROUP BY p.metering_point_id, p.period, p.register
),
point AS (
  SELECT p.metering_point_id, p.account_id, p.role, p.multiplier, POWER(10, m.digits) AS register_size, a.contracted_kva
  FROM source.metering_point AS p
  LEFT JOIN source.meter AS m ON m.meter_id = p.meter_id
  LEFT JOIN source.account AS a ON a.account_id = p.account_id
),
earlier AS (
  SELECT r.metering_point_id, r.register, r.read_at, r.current_value
  FROM source.register_reading AS r
  WHERE r.period = ADD_MONTHS($period, -1)
),
joined AS (
  SELECT r.metering_point_id,
         p.account_id,
         p.role,
         r.period,
         r.register,
         r.read_at,
         COALESCE(b.read_at, h.earlier_read_at) AS previous_read_at,
         COALESCE(b.current_value, h.earlier_value) AS earlier_value,
         r.previous_value,
         r.current_value,
         p.multiplier,
         p.register_size,
         r.method,
         COALESCE(h.replaces, 0) AS replaces,
         COALESCE(h.swaps, 0) AS swaps,
         h.old_value,
         h.new_value,
         CASE WHEN r.current_value >= r.previous_value OR COALESCE(h.replaces, 0) > 0 THEN FALSE
              ELSE r.previous_value >= 0.9 * p.register_size
                   AND (p.account_id IS NULL
                        OR ROUND((p.register_size - r.previous_value + r.current_value) * p.multiplier, 6)
                           <= ROUND(p.contracted_kva * CASE WHEN r.period = $period THEN $period_hours
                                                            ELSE 24 * (DATE_DIFF('day', r.period, LAST_DAY(r.period)) + 1) END, 6))
         END AS is_rollover,
         CASE WHEN h.multiplier_changes > 0 THEN 'multiplier_changed'
              WHEN r.register = 'max_demand_kw' THEN NULL
              -- The registers of one replacement share its moment; a register said twice at it has two values.
              WHEN h.replacements > 1 OR h.lowest_old_value < h.old_value OR h.lowest_new_value < h.new_value THEN 'second_replace'
              WHEN h.replaces > 0 AND (h.old_value IS NULL OR h.new_value IS NULL) THEN 'register_without_event'
              WHEN r.previous_value IS NULL AND (COALESCE(h.replaces, 0) = 0 OR COALESCE(b.current_value, h.earlier_value) IS NULL)
                THEN 'previous_value_missing'
         END AS not_checked
  FROM source.register_reading AS r
  JOIN point AS p ON p.metering_point_id = r.metering_point_id
  LEFT JOIN earlier AS b ON b.metering_point_id = r.metering_point_id AND b.register = r.register AND r.period = $period
  LEFT JOIN happened AS h ON h.metering_point_id = r.metering_point_id AND h.period = r.period AND h.register = r.register
  WHERE r.period >= ADD_MONTHS($period, -11) AND r.period <= $period
)
SELECT j.metering_point_id,
       j.account_id,
       j.role,
       j.period,
       j.register,
       CASE WHEN j.not_checked IS NOT NULL THEN NULL
            WHEN j.register = 'max_demand_kw' THEN j.current_value
            WHEN j.replaces > 0 THEN (j.old_value - COALESCE(j.earlier_value, j.previous_value)) + (j.current_value - j.new_value)
            WHEN j.is_rollover THEN j.register_size - j.previous_value + j.current_value
            ELSE j.current_value - j.previous_value
       END * j.multiplier AS kwh,
       j.read_at,
       j.previous_read_at,
       j.earlier_value,
       j.previous_value,
       j.current_value,
       j.multiplier,
       j.method,
       j.replaces,
       j.swaps,
       j.is_rollover,
       j.not_checked
FROM joined AS j
