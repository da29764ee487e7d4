/*
grain: one row
key: [one]
purpose: Which associations between services count.
columns:
  one: {type: integer, doc: Always 1.}
  min_support: {type: double, doc: Smallest share of accounts that hold all services of a rule.}
  min_confidence: {type: double, doc: Smallest confidence.}
  min_lift: {type: double, doc: Smallest lift.}
  prior_accounts: {type: double, doc: Accounts' worth of the overall take-up added to the measured one.}
params:
  min_support: {type: number, default: 0.002, minimum: 0.000001, maximum: 1, doc: Smallest share of accounts that hold all services of a rule.}
  min_confidence: {type: number, default: 0.02, minimum: 0, maximum: 1, doc: Smallest confidence.}
  min_lift: {type: number, default: 1.1, minimum: 0, maximum: 1000, doc: Smallest lift.}
  prior_accounts: {type: number, default: 50, minimum: 0, doc: Accounts' worth of the overall take-up added to the measured one.}
*/
SELECT
  CAST(1 AS BIGINT) AS one,
  CAST($min_support AS DOUBLE) AS min_support,
  CAST($min_confidence AS DOUBLE) AS min_confidence,
  CAST($min_lift AS DOUBLE) AS min_lift,
  CAST($prior_accounts AS DOUBLE) AS prior_accounts
