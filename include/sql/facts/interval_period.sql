/*
grain: one row a metering point that had any interval before the end of P
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
SELECT m.metering_point_id,
       m.intervals,
       m.expected,
       m.present,
       m.kwh,
       m.measured_kwh,
       m.highest_kw AS max_kw,
       m.lowest_kwh AS min_kwh,
       a.contracted_kva,
       RATIO(m.highest_kw, a.contracted_kva) AS max_use_share,
       COALESCE(s.still_hours, 0) AS stuck_hours,
       s.still_from AS stuck_from,
       s.still_kwh AS stuck_kwh
FROM facts.interval_month AS m
LEFT JOIN source.metering_point AS p ON p.metering_point_id = m.metering_point_id
LEFT JOIN source.account AS a ON a.account_id = p.account_id
LEFT JOIN facts.interval_still AS s ON s.metering_point_id = m.metering_point_id
WHERE m.period = $period
