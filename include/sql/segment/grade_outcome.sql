/*
grain: one row per grading, class and measure
key: [scheme, class, measure]
purpose: >-
  What the grades and tiers of an earlier month foretold: what became of their customers after that night, which the
  grading had not seen (segment.grade_then).
columns:
  scheme: {type: string, doc: 'grade, objective_tier or behaviour_tier.'}
  class: {type: string, doc: 'A to E, or tier 5 (best) to 1.'}
  measure: {type: string, doc: 'left_share (no live account any more), arrears_share (a bill that fell due since unpaid 30 days after), up_share and down_share (another grade now), kwh_change (energy of the whole months since over the same a year before less 1), month_amount (billed to one customer a month since).'}
  place: {type: integer, doc: 1 for the best class.}
  graded_on: {type: date, doc: Night whose grades are judged; empty where none is old enough.}
  basis: {type: string, doc: 'given: the grades kept of that night; recomputed: those that today''s definitions give from what was known then.'}
  customers: {type: integer, doc: 'Customers that the measure could be taken of, of that class then.'}
  value: {type: double, doc: 'The measure over them; empty without any.'}
  low: {type: double, doc: 'Lower 95% limit of a share, after Wilson; empty for what is no share.'}
  high: {type: double, doc: The upper one.}
  expected: {type: string, doc: 'falls or rises: what the measure should do from the best class to the worst; empty where nothing is claimed.'}
  is_monotone: {type: boolean, doc: 'Whether it does so over the classes of min_customers or more, of the whole grading; empty where fewer than two are.'}
  is_contradicted: {type: boolean, doc: 'Whether a step between two such classes goes the other way by more than chance: their limits do not overlap, or there are none.'}
params:
  min_customers: {type: integer, default: 30, minimum: 1, doc: Fewest customers with which a class is compared with the next.}
  late_days: {type: integer, default: 30, minimum: 1, maximum: 365, doc: Days after its due date from which on an unpaid bill is arrears.}
  classes:
    type: rows
    columns: {scheme: string, class: string, place: integer}
    default:
      - [grade, A, 1]
      - [grade, B, 2]
      - [grade, C, 3]
      - [grade, D, 4]
      - [grade, E, 5]
      - [objective_tier, '5', 1]
      - [objective_tier, '4', 2]
      - [objective_tier, '3', 3]
      - [objective_tier, '2', 4]
      - [objective_tier, '1', 5]
      - [behaviour_tier, '5', 1]
      - [behaviour_tier, '4', 2]
      - [behaviour_tier, '3', 3]
      - [behaviour_tier, '2', 4]
      - [behaviour_tier, '1', 5]
    doc: The classes of each grading, from the best on.
  claims:
    type: rows
    columns: {scheme: string, measure: string, expected: string}
    default:
      - [grade, left_share, null]
      - [grade, arrears_share, rises]
      - [grade, up_share, null]
      - [grade, down_share, null]
      - [grade, kwh_change, null]
      - [grade, month_amount, falls]
      - [objective_tier, left_share, null]
      - [objective_tier, kwh_change, null]
      - [objective_tier, month_amount, falls]
      - [behaviour_tier, left_share, rises]
      - [behaviour_tier, arrears_share, rises]
      - [behaviour_tier, kwh_change, null]
    doc: 'What is measured of each grading, and what it should do from the best class to the worst: falls, rises, or nothing claimed.'
*/
WITH night AS (
  SELECT
    MAX(grade_then.graded_on) AS graded_on,
    MAX(grade_then.basis) AS basis
  FROM segment.grade_then
),

due AS (
  SELECT
    account.customer_id,
    MAX(
      CASE
        WHEN
          bill_settlement.settled_on IS NULL
          OR DATE_DIFF('day', bill_settlement.due_on, bill_settlement.settled_on) > $late_days
          THEN 1
        ELSE 0
      END
    ) AS is_late
  FROM facts.bill_settlement
  CROSS JOIN night
  JOIN source.account ON account.account_id = bill_settlement.account_id
  WHERE
    bill_settlement.amount > 0
    AND bill_settlement.due_on > night.graded_on
    AND DATE_DIFF('day', bill_settlement.due_on, $as_of) > $late_days
  GROUP BY account.customer_id
),

since AS (
  SELECT
    account.customer_id,
    COUNT(DISTINCT bill_net.period) AS months,
    DECIMAL_SUM(bill_net.billed_kwh) AS kwh,
    SUM(bill_net.total_amount) AS amount,
    DECIMAL_SUM(bill_before.billed_kwh) AS kwh_before,
    COUNT(*) FILTER (WHERE bill_before.account_id IS NULL) AS uncompared
  FROM facts.bill_net
  CROSS JOIN night
  JOIN source.account ON account.account_id = bill_net.account_id
  LEFT JOIN facts.bill_net AS bill_before
    ON bill_before.account_id = bill_net.account_id AND bill_before.period = ADD_MONTHS(bill_net.period, -12)
  WHERE bill_net.period >= night.graded_on AND bill_net.period <= $period
  GROUP BY account.customer_id
),

outcome AS (
  SELECT
    grade_then.customer_id,
    grade_then.grade,
    grade_then.objective_tier,
    grade_then.behaviour_tier,
    CASE WHEN COALESCE(customer_grade.is_graded, FALSE) THEN 0 ELSE 1 END AS has_left,
    due.is_late,
    CASE
      WHEN customer_grade.is_graded THEN CASE WHEN customer_grade.grade < grade_then.grade THEN 1 ELSE 0 END
    END AS is_up,
    CASE
      WHEN customer_grade.is_graded THEN CASE WHEN customer_grade.grade > grade_then.grade THEN 1 ELSE 0 END
    END AS is_down,
    CASE WHEN since.uncompared = 0 THEN since.kwh END AS kwh,
    CASE WHEN since.uncompared = 0 THEN since.kwh_before END AS kwh_before,
    RATIO(since.amount, since.months) AS month_amount
  FROM segment.grade_then
  LEFT JOIN segment.customer_grade ON customer_grade.customer_id = grade_then.customer_id
  LEFT JOIN due ON due.customer_id = grade_then.customer_id
  LEFT JOIN since ON since.customer_id = grade_then.customer_id
),

classed AS (
  SELECT
    classes.scheme,
    classes.class,
    classes.place,
    outcome.*
  FROM param.classes
  JOIN outcome
    ON (classes.scheme = 'grade' AND classes.class = outcome.grade)
    OR (classes.scheme = 'objective_tier' AND classes.class = CAST(outcome.objective_tier AS VARCHAR))
    OR (classes.scheme = 'behaviour_tier' AND classes.class = CAST(outcome.behaviour_tier AS VARCHAR))
),

summed AS (
  SELECT
    classed.scheme,
    classed.class,
    COUNT(*) AS customers,
    INTEGER_SUM(classed.has_left) AS has_left,
    COUNT(classed.is_late) AS due_customers,
    INTEGER_SUM(classed.is_late) AS is_late,
    COUNT(classed.is_up) AS here,
    INTEGER_SUM(classed.is_up) AS is_up,
    INTEGER_SUM(classed.is_down) AS is_down,
    COUNT(classed.kwh) AS compared,
    DECIMAL_SUM(classed.kwh) AS kwh,
    DECIMAL_SUM(classed.kwh_before) AS kwh_before,
    COUNT(classed.month_amount) AS billed,
    DECIMAL_SUM(classed.month_amount) AS month_amount
  FROM classed
  GROUP BY classed.scheme, classed.class
),

counted AS (
  SELECT
    classes.scheme,
    classes.class,
    claims.measure,
    classes.place,
    claims.expected,
    COALESCE(CASE claims.measure
      WHEN 'left_share' THEN summed.customers
      WHEN 'arrears_share' THEN summed.due_customers
      WHEN 'kwh_change' THEN summed.compared
      WHEN 'month_amount' THEN summed.billed
      ELSE summed.here
    END, 0) AS customers,
    CASE claims.measure
      WHEN 'left_share' THEN ROUND(RATIO(summed.has_left, summed.customers), 6)
      WHEN 'arrears_share' THEN ROUND(RATIO(summed.is_late, summed.due_customers), 6)
      WHEN 'up_share' THEN ROUND(RATIO(summed.is_up, summed.here), 6)
      WHEN 'down_share' THEN ROUND(RATIO(summed.is_down, summed.here), 6)
      WHEN 'kwh_change' THEN ROUND(RATIO(summed.kwh, summed.kwh_before) - 1, 6)
      WHEN 'month_amount' THEN ROUND(RATIO(summed.month_amount, summed.billed), 2)
    END AS value
  FROM param.classes
  JOIN param.claims ON claims.scheme = classes.scheme
  LEFT JOIN summed ON summed.scheme = classes.scheme AND summed.class = classes.class
),

measured AS (
  SELECT
    counted.*,
    CASE
      WHEN counted.measure LIKE '%_share'
        THEN
          RATIO(
            counted.value
            + RATIO(1.9208, counted.customers)
            - 1.96 * SQRT(
              RATIO(counted.value * (1 - counted.value), counted.customers)
              + RATIO(0.9604, counted.customers * counted.customers)
            ),
            1 + RATIO(3.8416, counted.customers)
          )
    END AS low,
    CASE
      WHEN counted.measure LIKE '%_share'
        THEN
          RATIO(
            counted.value
            + RATIO(1.9208, counted.customers)
            + 1.96 * SQRT(
              RATIO(counted.value * (1 - counted.value), counted.customers)
              + RATIO(0.9604, counted.customers * counted.customers)
            ),
            1 + RATIO(3.8416, counted.customers)
          )
    END AS high
  FROM counted
),

-- From here on a class that is better by what is claimed has the smaller value.
turned AS (
  SELECT
    measured.scheme,
    measured.measure,
    measured.place,
    CASE WHEN measured.expected = 'rises' THEN measured.value ELSE -measured.value END AS value,
    CASE WHEN measured.expected = 'rises' THEN measured.high ELSE -measured.low END AS high,
    CASE WHEN measured.expected = 'rises' THEN measured.low ELSE -measured.high END AS low
  FROM measured
  WHERE measured.customers >= $min_customers AND measured.value IS NOT NULL AND measured.expected IS NOT NULL
),

stepped AS (
  SELECT
    turned.scheme,
    turned.measure,
    turned.value - LAG(turned.value) OVER step AS step,
    COALESCE(turned.high - LAG(turned.low) OVER step, turned.value - LAG(turned.value) OVER step) AS reach
  FROM turned
  WINDOW step AS (PARTITION BY turned.scheme, turned.measure ORDER BY turned.place)
),

held AS (
  SELECT
    stepped.scheme,
    stepped.measure,
    MIN(stepped.step) >= 0 AS is_monotone,
    MIN(stepped.reach) < 0 AS is_contradicted
  FROM stepped
  GROUP BY stepped.scheme, stepped.measure
)

SELECT
  measured.scheme,
  measured.class,
  measured.measure,
  measured.place,
  night.graded_on,
  night.basis,
  measured.customers,
  measured.value,
  ROUND(measured.low, 6) AS low,
  ROUND(measured.high, 6) AS high,
  measured.expected,
  held.is_monotone,
  held.is_contradicted
FROM measured
CROSS JOIN night
LEFT JOIN held ON held.scheme = measured.scheme AND held.measure = measured.measure
