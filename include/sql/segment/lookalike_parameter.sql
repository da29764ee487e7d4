/*
grain: one row
key: [one]
purpose: When a model of who takes a service up is good enough to be used, and how much is said of it.
columns:
  one: {type: integer, doc: Always 1.}
  min_events: {type: integer, doc: Fewest accounts that took the service up, and that did not, in training and in test.}
  min_auc: {type: double, doc: Lowest AUC on the test.}
  most_off: {type: double, doc: 'How many times more or fewer than predicted may have taken it up in the test.'}
  best_share: {type: double, doc: Share of the accounts without the service that are shown and told reasons for.}
params:
  min_events: {type: integer, default: 30, minimum: 5, doc: 'Fewest accounts that took the service up, and that did not, in training and in test.'}
  min_auc: {type: number, default: 0.6, minimum: 0.5, maximum: 1, doc: 'Lowest AUC on the test; 0.5 is chance.'}
  most_off: {type: number, default: 2, minimum: 1, maximum: 100, doc: How many times more or fewer than predicted may have taken it up in the test.}
  best_share: {type: number, default: 0.2, minimum: 0, maximum: 1, doc: Share of the accounts without the service that are shown and told reasons for.}
*/
SELECT
  CAST(1 AS BIGINT) AS one,
  CAST($min_events AS BIGINT) AS min_events,
  CAST($min_auc AS DOUBLE) AS min_auc,
  CAST($most_off AS DOUBLE) AS most_off,
  CAST($best_share AS DOUBLE) AS best_share
