/*
grain: one row per metering point, month and kind of flag
key: [metering_point_id, period, flag]
purpose: How often validation objected to a point, sums against the register of P included.
columns:
  metering_point_id: {type: string, doc: The point.}
  period: {type: date, doc: First day of the month.}
  flag: {type: string, doc: 'As in facts.interval_flag, or register: measured intervals and register of P disagree.'}
  intervals: {type: integer, doc: Intervals flagged; 1 for register.}
  estimated: {type: integer, doc: Those of them that were estimated.}
  changed_kwh: {type: double, doc: 'Energy used less energy handed over; for register, intervals less register.'}
params:
  register_share: {type: number, default: 0.02, minimum: 0, doc: Difference to the register that is let pass.}
  register_kwh: {type: number, default: 5, minimum: 0, doc: Difference in kWh that is let pass.}
*/
SELECT
  interval_edit.metering_point_id,
  MONTH_OF(interval_edit.day) AS period,
  interval_edit.flag,
  COUNT(*) AS intervals,
  COUNT(*) FILTER (WHERE interval_edit.method <> 'kept') AS estimated,
  EXACT_SUM(COALESCE(interval_edit.kwh, 0) - COALESCE(interval_edit.original_kwh, 0)) AS changed_kwh
FROM facts.interval_edit
GROUP BY interval_edit.metering_point_id, MONTH_OF(interval_edit.day), interval_edit.flag
UNION ALL
SELECT
  interval_register.metering_point_id,
  $period AS period,
  'register' AS flag,
  1 AS intervals,
  0 AS estimated,
  ROUND(interval_register.interval_kwh - interval_register.register_kwh, 6) AS changed_kwh
FROM facts.interval_register
WHERE
  interval_register.not_checked IS NULL
  AND ROUND(
    ABS(interval_register.interval_kwh - interval_register.register_kwh)
    - $register_share * ABS(interval_register.register_kwh),
    6
  )
  > 0
  AND ROUND(ABS(interval_register.interval_kwh - interval_register.register_kwh) - $register_kwh, 6) > 0
  AND ROUND(interval_register.measured - 0.99 * interval_register.expected, 6) >= 0
