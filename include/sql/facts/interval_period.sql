/*
grain: one row per metering point that had any interval before the end of P
key: [metering_point_id]
purpose: What the intervals of P say about a point, as handed over.
columns:
  metering_point_id: {type: string, doc: The point.}
  intervals: {type: integer, doc: 'Rows in P, of any quality.'}
  expected: {type: integer, doc: 'Intervals of P, from installed_on.'}
  present: {type: integer, doc: Measured or estimated ones with a kwh.}
  kwh: {type: double, doc: Their energy.}
  measured_kwh: {type: double, doc: Energy of the measured ones.}
  max_kw: {type: double, doc: 'Highest mean power of an interval with a kwh, of whatever quality.'}
  min_kwh: {type: double, doc: 'Lowest kwh, of whatever quality; empty where no row of P has a kwh.'}
  contracted_kva: {type: double, doc: Of the point's account.}
  max_use_share: {type: double, doc: max_kw over contracted_kva.}
  stuck_hours: {type: double, doc: 'Longest run of the same kwh above 0, where it is 12 hours or more, else 0.'}
  stuck_from: {type: timestamp, doc: When that run begins.}
  stuck_kwh: {type: double, doc: The kwh that repeats.}
*/
SELECT
  interval_month.metering_point_id,
  interval_month.intervals,
  interval_month.expected,
  interval_month.present,
  interval_month.kwh,
  interval_month.measured_kwh,
  interval_month.highest_kw AS max_kw,
  interval_month.lowest_kwh AS min_kwh,
  account.contracted_kva,
  RATIO(interval_month.highest_kw, account.contracted_kva) AS max_use_share,
  COALESCE(interval_still.still_hours, 0) AS stuck_hours,
  interval_still.still_from AS stuck_from,
  interval_still.still_kwh AS stuck_kwh
FROM facts.interval_month
LEFT JOIN source.metering_point ON metering_point.metering_point_id = interval_month.metering_point_id
LEFT JOIN source.account ON account.account_id = metering_point.account_id
LEFT JOIN facts.interval_still ON interval_still.metering_point_id = interval_month.metering_point_id
WHERE interval_month.period = $period
