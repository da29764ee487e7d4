/*
grain: one row per bill of P or the 11 months before that corrects none, with all its intervals measured, and day within it on which the rates of some tariff change
key: [bill_id, day]
purpose: Which share of a bill's energy was used before its rates changed, by the intervals of the main points less the sub points that were read for it.
columns:
  bill_id: {type: string, doc: The bill.}
  day: {type: date, doc: First day of the other rates.}
  share_before: {type: double, doc: Energy of the bill's days before it over that of all its days.}
*/
WITH changed AS (
  SELECT DISTINCT tariff_change.changed_on
  FROM facts.tariff_change
),

bill AS (
  SELECT DISTINCT
    bill.bill_id,
    bill.account_id,
    bill.period,
    bill.period_start,
    bill.period_end
  FROM source.bill
  JOIN changed ON changed.changed_on > bill.period_start AND changed.changed_on <= bill.period_end
  WHERE
    bill.corrects_bill_id IS NULL
    AND bill.period >= ADD_MONTHS($period, -11)
    AND bill.period <= $period
),

point AS (
  SELECT
    bill.bill_id,
    bill.period_start,
    bill.period_end,
    metering_point.metering_point_id,
    CASE WHEN metering_point.role = 'sub' THEN -1 ELSE 1 END AS sign
  FROM bill
  JOIN source.metering_point
    ON metering_point.account_id = bill.account_id AND metering_point.role IN ('main', 'sub')
  JOIN source.register_reading
    ON register_reading.metering_point_id = metering_point.metering_point_id
    AND register_reading.period = bill.period
    AND register_reading.register = 'active_total'
),

used AS (
  SELECT
    point.bill_id,
    interval_daily.day,
    EXACT_SUM(point.sign * interval_daily.measured_kwh) AS kwh,
    COUNT(*) FILTER (WHERE interval_daily.measured = interval_daily.expected) AS whole_days
  FROM point
  JOIN facts.interval_daily
    ON interval_daily.metering_point_id = point.metering_point_id
    AND interval_daily.day >= point.period_start
    AND interval_daily.day <= point.period_end
  GROUP BY point.bill_id, interval_daily.day
),

wanted AS (
  SELECT
    point.bill_id,
    SUM(DATE_DIFF('day', point.period_start, point.period_end) + 1) AS days
  FROM point
  GROUP BY point.bill_id
),

whole AS (
  SELECT
    used.bill_id,
    EXACT_SUM(used.kwh) AS kwh
  FROM used
  JOIN wanted ON wanted.bill_id = used.bill_id
  GROUP BY used.bill_id
  HAVING SUM(used.whole_days) = MAX(wanted.days) AND EXACT_SUM(used.kwh) > 0
)

SELECT
  bill.bill_id,
  changed.changed_on AS day,
  RATIO(COALESCE(EXACT_SUM(used.kwh) FILTER (WHERE used.day < changed.changed_on), 0), MAX(whole.kwh))
    AS share_before
FROM bill
JOIN whole ON whole.bill_id = bill.bill_id
JOIN changed ON changed.changed_on > bill.period_start AND changed.changed_on <= bill.period_end
JOIN used ON used.bill_id = bill.bill_id
GROUP BY bill.bill_id, changed.changed_on
