/*
grain: one row a metering point, month and kind of flag
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
SELECT e.metering_point_id,
       MONTH_OF(e.day) AS period,
       e.flag,
       COUNT(*) AS intervals,
       COUNT(*) FILTER (WHERE e.method <> 'kept') AS estimated,
       EXACT_SUM(COALESCE(e.kwh, 0) - COALESCE(e.original_kwh, 0)) AS changed_kwh
FROM facts.interval_edit AS e
GROUP BY e.metering_point_id, MONTH_OF(e.day), e.flag
UNION ALL
SELECT r.metering_point_id,
       $period AS period,
       'register' AS flag,
       1 AS intervals,
       0 AS estimated,
       ROUND(r.interval_kwh - r.register_kwh, 6) AS changed_kwh
FROM facts.interval_register AS r
WHERE r.not_checked IS NULL
  AND ROUND(ABS(r.interval_kwh - r.register_kwh) - $register_share * ABS(r.register_kwh), 6) > 0
  AND ROUND(ABS(r.interval_kwh - r.register_kwh) - $register_kwh, 6) > 0
  AND ROUND(r.measured - 0.99 * r.expected, 6) >= 0
