/*
grain: one row per main point of an account that was without supply on a day of P
key: [metering_point_id]
purpose: What was measured where by the customer file nobody is supplied.
columns:
  metering_point_id: {type: string, doc: The point.}
  account_id: {type: string, doc: Its account.}
  unsupplied_from: {type: date, doc: 'First day of P without supply: after closed_on of a closed account, every day of a pending one, before opened_on of any other.'}
  unsupplied_to: {type: date, doc: Last such day.}
  is_whole: {type: boolean, doc: Without supply on every day of P.}
  interval_kwh: {type: double, doc: Energy of the measured intervals of these days; empty where there are none.}
  register_kwh: {type: double, doc: 'Energy of the active_total reading of P (facts.register_energy), where the whole of P was without supply.'}
  register_not_checked: {type: string, doc: Why that energy cannot be said.}
*/
WITH unsupplied AS (
  SELECT
    account.account_id,
    CASE
      WHEN account.status = 'closed' AND account.closed_on >= $period
        THEN CAST(account.closed_on + INTERVAL 1 DAY AS DATE)
      ELSE $period
    END AS unsupplied_from,
    CASE
      WHEN account.status IN ('closed', 'pending') OR account.opened_on > $period_end THEN $period_end
      ELSE CAST(account.opened_on - INTERVAL 1 DAY AS DATE)
    END AS unsupplied_to
  FROM source.account
  WHERE
    (account.status = 'closed' AND account.closed_on < $period_end)
    OR account.status = 'pending'
    OR (account.status <> 'closed' AND account.opened_on > $period)
),

point AS (
  SELECT
    metering_point.metering_point_id,
    unsupplied.account_id,
    unsupplied.unsupplied_from,
    unsupplied.unsupplied_to,
    unsupplied.unsupplied_from = $period AND unsupplied.unsupplied_to = $period_end AS is_whole
  FROM unsupplied
  JOIN source.metering_point
    ON metering_point.account_id = unsupplied.account_id AND metering_point.role = 'main'
),

measured AS (
  SELECT
    point.metering_point_id,
    EXACT_SUM(interval_daily.measured_kwh) AS interval_kwh
  FROM point
  JOIN facts.interval_daily
    ON interval_daily.metering_point_id = point.metering_point_id
    AND interval_daily.day >= point.unsupplied_from
    AND interval_daily.day <= point.unsupplied_to
  WHERE interval_daily.day >= $period AND interval_daily.day <= $period_end
  GROUP BY point.metering_point_id
)

SELECT
  point.metering_point_id,
  point.account_id,
  point.unsupplied_from,
  point.unsupplied_to,
  point.is_whole,
  measured.interval_kwh,
  ROUND(register_energy.kwh, 6) AS register_kwh,
  register_energy.not_checked AS register_not_checked
FROM point
LEFT JOIN measured ON measured.metering_point_id = point.metering_point_id
LEFT JOIN facts.register_energy
  ON register_energy.metering_point_id = point.metering_point_id
  AND register_energy.period = $period
  AND register_energy.register = 'active_total'
  AND point.is_whole
