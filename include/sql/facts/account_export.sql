/*
grain: one row per account with a main point
key: [account_id]
purpose: Energy that an account gave to the network in P, by its main points. Where one has a reading of the export register, of an account that is due in P, that counts, else its measured intervals.
columns:
  account_id: {type: string, doc: The supply account.}
  points: {type: integer, doc: Main points.}
  register_points: {type: integer, doc: Those whose export is read off a register.}
  interval_points: {type: integer, doc: 'Those of the others that have measured intervals in P.'}
  export_kwh: {type: double, doc: 'By register, else by intervals; empty where no point has either.'}
  interval_export_kwh: {type: double, doc: 'By measured intervals alone; empty where no point has any.'}
  night_export_kwh: {type: double, doc: 'Part of it between 22:00 and 4:00.'}
  export_kw: {type: double, doc: Highest mean power given in a measured interval of a point.}
*/
WITH given AS (
  SELECT
    export_daily.metering_point_id,
    EXACT_SUM(export_daily.measured_export_kwh) AS export_kwh,
    EXACT_SUM(export_daily.night_export_kwh) AS night_export_kwh,
    MAX(export_daily.export_kw) AS export_kw
  FROM facts.export_daily
  WHERE export_daily.day >= $period AND export_daily.day <= $period_end
  GROUP BY export_daily.metering_point_id
),

point AS (
  SELECT
    metering_point.account_id,
    CASE WHEN COALESCE(billing_cycle.is_due, TRUE) THEN register_energy.kwh END AS register_kwh,
    CASE
      WHEN given.metering_point_id IS NOT NULL THEN COALESCE(given.export_kwh, 0)
      -- A point that says nothing of export has given nothing where its intervals are there.
      WHEN interval_month.measured_kwh IS NOT NULL THEN 0
    END AS interval_kwh,
    given.night_export_kwh,
    given.export_kw
  FROM source.metering_point
  LEFT JOIN given ON given.metering_point_id = metering_point.metering_point_id
  LEFT JOIN facts.interval_month
    ON interval_month.metering_point_id = metering_point.metering_point_id AND interval_month.period = $period
  LEFT JOIN facts.register_energy
    ON register_energy.metering_point_id = metering_point.metering_point_id
    AND register_energy.period = $period
    AND register_energy.register = 'active_export'
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = metering_point.account_id
  WHERE metering_point.role = 'main' AND metering_point.account_id IS NOT NULL
)

SELECT
  point.account_id,
  COUNT(*) AS points,
  COUNT(point.register_kwh) AS register_points,
  COUNT(point.interval_kwh) FILTER (WHERE point.register_kwh IS NULL) AS interval_points,
  EXACT_SUM(COALESCE(point.register_kwh, point.interval_kwh)) AS export_kwh,
  EXACT_SUM(point.interval_kwh) AS interval_export_kwh,
  EXACT_SUM(CASE WHEN point.interval_kwh IS NOT NULL THEN COALESCE(point.night_export_kwh, 0) END)
    AS night_export_kwh,
  MAX(CASE WHEN point.interval_kwh IS NOT NULL THEN COALESCE(point.export_kw, 0) END) AS export_kw
FROM point
GROUP BY point.account_id
