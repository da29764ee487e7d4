/*
grain: one row per model and feature
key: [model, feature]
purpose: >-
  The scorecards that stand in while a model has too few events to be trained on: coefficients of the log
  odds set by judgement, not measured. No customer is scored by chance.
columns:
  model: {type: string, doc: arrears or leaving.}
  feature: {type: string, doc: 'A column of arrears_history or leave_history, or intercept.'}
  coefficient: {type: double, doc: Added to the log odds for each 1 of the feature.}
params:
  coefficients:
    type: rows
    columns: {model: string, feature: string, coefficient: double}
    default:
      - [arrears, intercept, -4.5]
      - [arrears, late_share, 2.0]
      - [arrears, very_late_share, 3.0]
      - [arrears, last_late, 0.8]
      - [arrears, open_level, 2.5]
      - [arrears, no_history, 0.8]
      - [arrears, not_automatic, 0.4]
      - [arrears, temporary, 0.5]
      - [leaving, intercept, -5.0]
      - [leaving, closing_order, 6.0]
      - [leaving, falling_load, 1.5]
      - [leaving, no_use, 1.5]
      - [leaving, own_generation, 0.3]
      - [leaving, complained, 1.0]
      - [leaving, new_supply, 0.3]
      - [leaving, temporary, 1.0]
    doc: The coefficients.
*/
SELECT
  coefficients.model,
  coefficients.feature,
  coefficients.coefficient
FROM param.coefficients
