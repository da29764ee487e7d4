/*
grain: one row per month of P and the eleven before it
key: [period]
purpose: The months that key figures speak of.
view: true
columns:
  period: {type: date, doc: First day of the month.}
  period_end: {type: date, doc: Its last day.}
*/
SELECT
  calendar.day AS period,
  LAST_DAY(calendar.day) AS period_end
FROM core.calendar
WHERE
  EXTRACT(DAY FROM calendar.day) = 1
  AND calendar.day >= ADD_MONTHS($period, -11)
  AND calendar.day <= $period
