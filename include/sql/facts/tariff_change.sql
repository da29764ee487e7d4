/*
grain: one row per tariff and day of the last 24 months up to P on which its rates differ from those of the day before
key: [tariff_code, changed_on]
purpose: Where the days of a bill fall into parts. A price list said anew at the same prices splits nothing.
columns:
  tariff_code: {type: string, doc: The tariff.}
  changed_on: {type: date, doc: First day of the other rates.}
*/
WITH edge AS (
  SELECT
    tariff_rate.tariff_code,
    tariff_rate.valid_from AS day
  FROM source.tariff_rate
  UNION
  SELECT
    tariff_rate.tariff_code,
    CAST(tariff_rate.valid_to + INTERVAL 1 DAY AS DATE) AS day
  FROM source.tariff_rate
  WHERE tariff_rate.valid_to IS NOT NULL
),

side AS (
  SELECT
    edge.tariff_code,
    edge.day,
    edge.day AS looked_on,
    1 AS sign
  FROM edge
  WHERE edge.day > ADD_MONTHS($period, -24) AND edge.day <= $as_of
  UNION ALL
  SELECT
    edge.tariff_code,
    edge.day,
    CAST(edge.day - INTERVAL 1 DAY AS DATE),
    -1
  FROM edge
  WHERE edge.day > ADD_MONTHS($period, -24) AND edge.day <= $as_of
),

in_force AS (
  SELECT
    side.tariff_code,
    side.day,
    side.sign,
    tariff_rate.component,
    tariff_rate.step_no,
    tariff_rate.step_from_kwh,
    tariff_rate.unit_price
  FROM side
  JOIN source.tariff_rate
    ON tariff_rate.tariff_code = side.tariff_code
    AND tariff_rate.valid_from <= side.looked_on
    AND (tariff_rate.valid_to IS NULL OR tariff_rate.valid_to >= side.looked_on)
  -- Of prices that overlap the newest is meant.
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY side.tariff_code, side.day, side.sign, tariff_rate.component, tariff_rate.step_no
        ORDER BY tariff_rate.valid_from DESC
      )
    = 1
),

differing AS (
  SELECT
    in_force.tariff_code,
    in_force.day
  FROM in_force
  GROUP BY
    in_force.tariff_code,
    in_force.day,
    in_force.component,
    in_force.step_no,
    in_force.step_from_kwh,
    in_force.unit_price
  HAVING SUM(in_force.sign) <> 0
)

SELECT DISTINCT
  differing.tariff_code,
  differing.day AS changed_on
FROM differing
