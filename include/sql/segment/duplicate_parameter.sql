/*
grain: one row
key: [one]
purpose: When two customer records are called the same person or organisation.
columns:
  one: {type: integer, doc: Always 1.}
  threshold: {type: double, doc: Lowest probability of a duplicate.}
params:
  threshold: {type: number, default: 0.95, minimum: 0.5, maximum: 1, doc: Lowest probability of a duplicate.}
*/
SELECT
  CAST(1 AS BIGINT) AS one,
  CAST($threshold AS DOUBLE) AS threshold
