/*
grain: one row per account and month (P and the 11 before) in which the intervals of each of its main and sub points are there
key: [account_id, period]
purpose: What registers would have said of an account that has none for time of use or demand, estimated by its intervals.
columns:
  account_id: {type: string, doc: The supply account.}
  period: {type: date, doc: First day of the month.}
  coverage: {type: double, doc: Measured and estimated intervals over those that should be there; of the point that has fewest.}
  peak_share: {type: double, doc: 'Energy in peak hours (core.hour_band, sharp ones included) over all, main points less sub points.'}
  flat_share: {type: double, doc: Energy in the other hours.}
  valley_share: {type: double, doc: Energy in valley hours.}
  demand_kw: {type: double, doc: 'Highest mean power of an interval, summed over the main points.'}
params:
  min_coverage: {type: number, default: 0.95, minimum: 0, maximum: 1, doc: Share of a month's intervals that must be there.}
*/
WITH point AS (
  SELECT
    metering_point.metering_point_id,
    metering_point.account_id,
    metering_point.role
  FROM source.metering_point
  WHERE metering_point.role IN ('main', 'sub') AND metering_point.account_id IS NOT NULL
),

pointed AS (
  SELECT
    point.account_id,
    COUNT(*) AS points
  FROM point
  GROUP BY point.account_id
),

summed AS (
  SELECT
    point.account_id,
    interval_month.period,
    COUNT(*) AS points,
    MIN(RATIO(interval_month.present, interval_month.expected)) AS coverage,
    EXACT_SUM(CASE WHEN point.role = 'sub' THEN -interval_month.kwh ELSE interval_month.kwh END) AS kwh,
    EXACT_SUM(CASE WHEN point.role = 'sub' THEN -interval_month.peak_kwh ELSE interval_month.peak_kwh END)
      AS peak_kwh,
    EXACT_SUM(
      CASE WHEN point.role = 'sub' THEN -interval_month.valley_kwh ELSE interval_month.valley_kwh END
    ) AS valley_kwh,
    EXACT_SUM(interval_month.max_kw) FILTER (WHERE point.role = 'main') AS demand_kw
  FROM facts.interval_month
  JOIN point ON point.metering_point_id = interval_month.metering_point_id
  WHERE interval_month.period >= ADD_MONTHS($period, -11) AND interval_month.period <= $period
  GROUP BY point.account_id, interval_month.period
)

SELECT
  summed.account_id,
  summed.period,
  summed.coverage,
  RATIO(COALESCE(summed.peak_kwh, 0), summed.kwh) AS peak_share,
  RATIO(summed.kwh - COALESCE(summed.peak_kwh, 0) - COALESCE(summed.valley_kwh, 0), summed.kwh)
    AS flat_share,
  RATIO(COALESCE(summed.valley_kwh, 0), summed.kwh) AS valley_share,
  summed.demand_kw
FROM summed
JOIN pointed ON pointed.account_id = summed.account_id AND pointed.points = summed.points
WHERE ROUND(summed.coverage, 6) >= $min_coverage AND summed.kwh > 0
