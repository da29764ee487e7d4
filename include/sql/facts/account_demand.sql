/*
grain: one row per account of the size that BUS-15 looks at, with a demand of P that was read or measured
key: [account_id]
purpose: The highest power that an account took in P, by its demand registers and by its intervals.
columns:
  account_id: {type: string, doc: The supply account.}
  contracted_kva: {type: double, doc: Its contracted capacity.}
  main_points: {type: integer, doc: Its main points.}
  register_kw: {type: double, doc: 'max_demand_kw of P x multiplier, summed over its main points that have one.'}
  interval_kw: {type: double, doc: 'Highest sum of the interval demands of its main points, over intervals in which all of them are measured.'}
params:
  min_kva: {same_as: BUS-15.min_kva}
incremental:
  by: whole
  reads:
    source.interval_reading: {from: period, to: period_end}
    facts.interval_daily: {from: period, to: period_end}
*/
WITH main AS (
  SELECT
    account.account_id,
    account.contracted_kva,
    COUNT(*) AS main_points
  FROM source.account
  JOIN source.metering_point
    ON metering_point.account_id = account.account_id AND metering_point.role = 'main'
  WHERE account.contracted_kva >= $min_kva
  GROUP BY account.account_id, account.contracted_kva
),

registered AS (
  SELECT
    main.account_id,
    EXACT_SUM(register_reading.current_value * metering_point.multiplier) AS register_kw
  FROM main
  JOIN source.metering_point
    ON metering_point.account_id = main.account_id AND metering_point.role = 'main'
  JOIN source.register_reading ON register_reading.metering_point_id = metering_point.metering_point_id
  WHERE register_reading.period = $period AND register_reading.register = 'max_demand_kw'
  GROUP BY main.account_id
),

together AS (
  -- Of one point the day's highest is enough; of several each interval has to be summed.
  SELECT
    main.account_id,
    MAX(interval_daily.measured_kw) AS kw
  FROM main
  JOIN source.metering_point
    ON metering_point.account_id = main.account_id AND metering_point.role = 'main'
  JOIN facts.interval_daily ON interval_daily.metering_point_id = metering_point.metering_point_id
  WHERE main.main_points = 1 AND interval_daily.day >= $period AND interval_daily.day <= $period_end
  GROUP BY main.account_id
  UNION ALL
  SELECT
    main.account_id,
    EXACT_SUM(RATIO(interval_reading.kwh * 60, interval_reading.interval_minutes)) AS kw
  FROM main
  JOIN source.metering_point
    ON metering_point.account_id = main.account_id AND metering_point.role = 'main'
  JOIN source.interval_reading ON interval_reading.metering_point_id = metering_point.metering_point_id
  WHERE
    main.main_points > 1
    AND interval_reading.day >= $period
    AND interval_reading.day <= $period_end
    AND interval_reading.quality = 'measured'
    AND interval_reading.kwh IS NOT NULL
  GROUP BY main.account_id, main.main_points, interval_reading.interval_start
  HAVING COUNT(*) = main.main_points
),

measured AS (
  SELECT
    together.account_id,
    MAX(together.kw) AS interval_kw
  FROM together
  GROUP BY together.account_id
)

SELECT
  main.account_id,
  main.contracted_kva,
  main.main_points,
  registered.register_kw,
  measured.interval_kw
FROM main
LEFT JOIN registered ON registered.account_id = main.account_id
LEFT JOIN measured ON measured.account_id = main.account_id
WHERE registered.register_kw IS NOT NULL OR measured.interval_kw IS NOT NULL
