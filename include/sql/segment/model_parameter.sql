/*
grain: one row
key: [one]
purpose: When a trained model may be put in use, and how its probabilities become bands and reasons.
columns:
  one: {type: integer, doc: Always 1.}
  min_events: {type: integer, doc: Fewest rows of either outcome in training and in test.}
  margin: {type: double, doc: How much worse than the last model an AUC may be.}
  min_auc: {type: double, doc: Lowest AUC on the test with which a trained model is put in use.}
  band_2: {type: double, doc: Lowest probability of band 2.}
  band_3: {type: double, doc: Lowest probability of band 3.}
  band_4: {type: double, doc: Lowest probability of band 4.}
  band_5: {type: double, doc: Lowest probability of band 5.}
  most_reasons: {type: integer, doc: Most reasons given for one account.}
  least_contribution: {type: double, doc: Smallest contribution to the log odds that is a reason.}
params:
  min_events: {type: integer, default: 30, minimum: 5, doc: Fewest rows of either outcome in training and in test.}
  margin: {type: number, default: 0.02, minimum: 0, maximum: 0.5, doc: How much worse than the last model an AUC may be.}
  min_auc: {type: number, default: 0.55, minimum: 0.5, maximum: 1, doc: 'Lowest AUC on the test with which a trained model is put in use; 0.5 is chance.'}
  band_2: {type: number, default: 0.02, minimum: 0, maximum: 1, doc: Lowest probability of band 2.}
  band_3: {type: number, default: 0.08, minimum: 0, maximum: 1, doc: Lowest probability of band 3.}
  band_4: {type: number, default: 0.20, minimum: 0, maximum: 1, doc: Lowest probability of band 4.}
  band_5: {type: number, default: 0.50, minimum: 0, maximum: 1, doc: Lowest probability of band 5.}
  most_reasons: {type: integer, default: 3, minimum: 1, maximum: 10, doc: Most reasons given for one account.}
  least_contribution: {type: number, default: 0.2, minimum: 0, doc: Smallest contribution to the log odds that is a reason.}
*/
SELECT
  CAST(1 AS BIGINT) AS one,
  CAST($min_events AS BIGINT) AS min_events,
  CAST($margin AS DOUBLE) AS margin,
  CAST($min_auc AS DOUBLE) AS min_auc,
  CAST($band_2 AS DOUBLE) AS band_2,
  CAST($band_3 AS DOUBLE) AS band_3,
  CAST($band_4 AS DOUBLE) AS band_4,
  CAST($band_5 AS DOUBLE) AS band_5,
  CAST($most_reasons AS BIGINT) AS most_reasons,
  CAST($least_contribution AS DOUBLE) AS least_contribution
