/*
grain: one row per full quarter and measure
key: [quarter, measure]
purpose: >-
  What all campaigns together do: the customers that every campaign may speak to against the global control group, which none does. Means are a
  customer's; a household or person was drawn as one, so the interval takes customers of one unit as one observation (the ratio estimator
  of cluster samples, Cochran, Sampling Techniques, 1977, section 11.8). Few are held out and much is rare: where they happen to differ
  little among themselves, they are taken to differ as all customers do.
columns:
  quarter: {type: date, doc: Its first day.}
  measure: {type: string, doc: 'energy_kwh, billed_amount, complaints (their number), arrears_amount (open at its end of bills due in it) or leaving (1 where no account is left).'}
  treated: {type: integer, doc: Customers outside the global control group with an open account at its beginning.}
  held_out: {type: integer, doc: Those in it.}
  treated_mean: {type: double, doc: Mean a customer and quarter of the first.}
  held_out_mean: {type: double, doc: Of the second.}
  difference: {type: double, doc: 'treated_mean less held_out_mean; empty where either group has too few units.'}
  low: {type: double, doc: Lower end of its 95% interval.}
  high: {type: double, doc: 'Upper end. Of twenty intervals one is expected to leave out 0 by chance: a quarter and measure by itself proves little.'}
params:
  smallest_group: {type: integer, default: 30, minimum: 2, doc: 'Fewer households and persons in either group, and no difference is stated.'}
*/
WITH long AS (
  SELECT
    customer_id,
    quarter,
    'energy_kwh' AS measure,
    energy_kwh AS amount
  FROM facts.customer_quarter
  UNION ALL
  SELECT
    customer_id,
    quarter,
    'billed_amount',
    CAST(billed_amount AS DOUBLE)
  FROM facts.customer_quarter
  UNION ALL
  SELECT
    customer_id,
    quarter,
    'complaints',
    CAST(complaints AS DOUBLE)
  FROM facts.customer_quarter
  UNION ALL
  SELECT
    customer_id,
    quarter,
    'arrears_amount',
    CAST(arrears_amount AS DOUBLE)
  FROM facts.customer_quarter
  UNION ALL
  SELECT
    customer_id,
    quarter,
    'leaving',
    CAST(leaving AS DOUBLE)
  FROM facts.customer_quarter
),

unit AS (
  SELECT
    long.quarter,
    long.measure,
    programme_arm.is_held_out,
    programme_arm.unit_id,
    CAST(COUNT(*) AS DOUBLE) AS members,
    DECIMAL_SUM(long.amount) AS amount
  FROM long
  JOIN mart.programme_arm ON programme_arm.customer_id = long.customer_id
  GROUP BY long.quarter, long.measure, programme_arm.is_held_out, programme_arm.unit_id
),

arm AS (
  SELECT
    unit.quarter,
    unit.measure,
    unit.is_held_out,
    COUNT(*) AS units,
    SUM(unit.members) AS members,
    DECIMAL_SUM(unit.amount) AS amount,
    RATIO(DECIMAL_SUM(unit.amount), SUM(unit.members)) AS mean
  FROM unit
  GROUP BY unit.quarter, unit.measure, unit.is_held_out
),

-- As if campaigns did nothing: all customers of both groups together.
everybody AS (
  SELECT
    arm.quarter,
    arm.measure,
    SUM(arm.units) AS units,
    RATIO(DECIMAL_SUM(arm.amount), SUM(arm.members)) AS mean
  FROM arm
  GROUP BY arm.quarter, arm.measure
),

apart AS (
  SELECT
    unit.quarter,
    unit.measure,
    unit.is_held_out,
    (unit.amount - unit.members * arm.mean) * (unit.amount - unit.members * arm.mean) AS from_own,
    (unit.amount - unit.members * everybody.mean)
    * (unit.amount - unit.members * everybody.mean) AS from_everybody
  FROM unit
  JOIN arm
    ON arm.quarter = unit.quarter AND arm.measure = unit.measure AND arm.is_held_out = unit.is_held_out
  JOIN everybody ON everybody.quarter = unit.quarter AND everybody.measure = unit.measure
),

own AS (
  SELECT
    apart.quarter,
    apart.measure,
    apart.is_held_out,
    DECIMAL_SUM(apart.from_own) AS squares
  FROM apart
  GROUP BY apart.quarter, apart.measure, apart.is_held_out
),

together AS (
  SELECT
    apart.quarter,
    apart.measure,
    DECIMAL_SUM(apart.from_everybody) AS squares
  FROM apart
  GROUP BY apart.quarter, apart.measure
),

spread AS (
  SELECT
    arm.quarter,
    arm.measure,
    arm.is_held_out,
    arm.units,
    arm.members,
    arm.mean,
    RATIO(
      GREATEST(
        RATIO(own.squares, arm.units - 1),
        RATIO(together.squares, everybody.units - 1)
      ) * arm.units,
      arm.members * arm.members
    ) AS variance
  FROM arm
  JOIN own ON own.quarter = arm.quarter AND own.measure = arm.measure AND own.is_held_out = arm.is_held_out
  JOIN everybody ON everybody.quarter = arm.quarter AND everybody.measure = arm.measure
  JOIN together ON together.quarter = arm.quarter AND together.measure = arm.measure
),

compared AS (
  SELECT
    spread.quarter,
    spread.measure,
    CAST(COALESCE(MAX(spread.members) FILTER (WHERE NOT spread.is_held_out), CAST(0 AS DOUBLE)) AS BIGINT)
      AS treated,
    CAST(COALESCE(MAX(spread.members) FILTER (WHERE spread.is_held_out), CAST(0 AS DOUBLE)) AS BIGINT)
      AS held_out,
    MAX(spread.mean) FILTER (WHERE NOT spread.is_held_out) AS treated_mean,
    MAX(spread.mean) FILTER (WHERE spread.is_held_out) AS held_out_mean,
    SQRT(SUM(spread.variance)) AS error,
    COUNT(*) = 2 AND MIN(spread.units) >= $smallest_group AS is_enough
  FROM spread
  GROUP BY spread.quarter, spread.measure
)

SELECT
  compared.quarter,
  compared.measure,
  compared.treated,
  compared.held_out,
  compared.treated_mean,
  compared.held_out_mean,
  CASE WHEN compared.is_enough THEN compared.treated_mean - compared.held_out_mean END AS difference,
  CASE
    WHEN compared.is_enough
      THEN compared.treated_mean - compared.held_out_mean - 1.959963984540054 * compared.error
  END AS low,
  CASE
    WHEN compared.is_enough
      THEN compared.treated_mean - compared.held_out_mean + 1.959963984540054 * compared.error
  END AS high
FROM compared
