/*
grain: one row
key: [one]
purpose: What each level of the grading weighs; the grade and the reasons of its movement both read it here.
columns:
  one: {type: integer, doc: Always 1.}
  objective_weight: {type: double, doc: 'Weight of level 1, the three brought to a sum of 1.'}
  behaviour_weight: {type: double, doc: Weight of level 2.}
  value_weight: {type: double, doc: Weight of level 3.}
params:
  objective_weight: {type: number, default: 0.3, minimum: 0, maximum: 1, doc: Weight of level 1.}
  behaviour_weight: {type: number, default: 0.2, minimum: 0, maximum: 1, doc: Weight of level 2.}
  value_weight: {type: number, default: 0.5, minimum: 0, maximum: 1, doc: 'Weight of level 3; the weights are divided by their sum.'}
*/
WITH given AS (
  SELECT
    CAST($objective_weight AS DOUBLE) AS objective,
    CAST($behaviour_weight AS DOUBLE) AS behaviour,
    CAST($value_weight AS DOUBLE) AS worth
)

SELECT
  CAST(1 AS BIGINT) AS one,
  ROUND(RATIO(given.objective, given.objective + given.behaviour + given.worth), 9) AS objective_weight,
  ROUND(RATIO(given.behaviour, given.objective + given.behaviour + given.worth), 9) AS behaviour_weight,
  ROUND(RATIO(given.worth, given.objective + given.behaviour + given.worth), 9) AS value_weight
FROM given
