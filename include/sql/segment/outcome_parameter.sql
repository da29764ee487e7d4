/*
grain: one row
key: [one]
purpose: How far back the grades lie that are judged by what came after them.
columns:
  one: {type: integer, doc: Always 1.}
  months_back: {type: integer, doc: 'Whole months that must have passed since.'}
params:
  months_back: {type: integer, default: 6, minimum: 2, maximum: 60, doc: 'Whole months that must have passed since the grades that are judged.'}
*/
SELECT
  CAST(1 AS BIGINT) AS one,
  CAST($months_back AS BIGINT) AS months_back
