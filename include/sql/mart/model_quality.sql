/*
grain: one row per model, training date and metric, of every model that was considered
key: [model, trained_on, metric]
purpose: How good the models are on what came after their training, and which are in use.
columns:
  model: {type: string, doc: 'arrears, leaving, lookalike_<service>, load_profile, value_cluster, grading, duplicates, theft or area_misfit.'}
  trained_on: {type: date, doc: 'First of the month of training; 1900-01-01 for a scorecard, which is not trained.'}
  metric: {type: string, doc: 'rows, events, auc with its 95% limits auc_low and auc_high, ks, brier, calibration_NN_predicted and _observed by tenth of the probability, good_enough (1 where this test lets the scores of leaving be shown); times_predicted (takers over those predicted) of lookalikes; silhouette and drift of load profiles and value clusters; adjusted_rand and adjusted_rand_low of value clusters over samples drawn again (1 the same clusters, 0 chance); of the grading <scheme>_<measure>_monotone and _contradicted (1 where the outcome does what is claimed of it, and where it does the contrary by more than chance, see mart.grade_outcome); precision, recall and threshold of duplicates, share_of_pairs that are of one person, and weight_<comparison>_<level>, log2 of m over u, which the reason tells.'}
  value: {type: double, doc: The metric.}
  in_use: {type: boolean, doc: This night's scores come from it.}
  role: {type: string, doc: 'scorecard, champion, challenger, none where there were too few events to train; fit, outcome, linkage or detector for the others.'}
  reason: {type: string, doc: 'Why the model in use was chosen; of load profiles the silhouettes tried.'}
  reason_zh: {type: string, doc: The same in Chinese.}
*/
SELECT
  model.model,
  CASE WHEN model.role = 'scorecard' THEN CAST('1900-01-01' AS DATE) ELSE model.trained_on END AS trained_on,
  model.name AS metric,
  model.value,
  model.in_use,
  model.role,
  model.reason,
  model.reason_zh
FROM segment.model
WHERE model.kind = 'metric'
UNION ALL
SELECT
  lookalike_model.model,
  lookalike_model.trained_on,
  lookalike_model.name AS metric,
  lookalike_model.value,
  lookalike_model.in_use,
  lookalike_model.role,
  lookalike_model.reason,
  lookalike_model.reason_zh
FROM segment.lookalike_model
WHERE lookalike_model.kind = 'metric'
UNION ALL
SELECT
  'load_profile' AS model,
  MONTH_OF($as_of) AS trained_on,
  CONCAT('silhouette_', CAST(load_centroid.load_profile AS VARCHAR)) AS metric,
  MAX(load_centroid.silhouette) AS value,
  TRUE AS in_use,
  'fit' AS role,
  MAX(load_centroid.tried) AS reason,
  MAX(load_centroid.tried) AS reason_zh
FROM segment.load_centroid
WHERE load_centroid.silhouette IS NOT NULL
GROUP BY load_centroid.load_profile
UNION ALL
SELECT
  'load_profile' AS model,
  MONTH_OF($as_of) AS trained_on,
  CONCAT('drift_', CAST(load_centroid.load_profile AS VARCHAR)) AS metric,
  MAX(load_centroid.drift) AS value,
  TRUE AS in_use,
  'fit' AS role,
  MAX(load_centroid.tried) AS reason,
  MAX(load_centroid.tried) AS reason_zh
FROM segment.load_centroid
WHERE load_centroid.drift IS NOT NULL
GROUP BY load_centroid.load_profile
UNION ALL
SELECT
  'value_cluster' AS model,
  MONTH_OF($as_of) AS trained_on,
  CONCAT('silhouette_', CAST(value_centroid.value_cluster AS VARCHAR)) AS metric,
  value_centroid.silhouette AS value,
  TRUE AS in_use,
  'fit' AS role,
  value_centroid.tried AS reason,
  value_centroid.tried AS reason_zh
FROM segment.value_centroid
WHERE value_centroid.silhouette IS NOT NULL
UNION ALL
SELECT
  'value_cluster' AS model,
  MONTH_OF($as_of) AS trained_on,
  CONCAT('drift_', CAST(value_centroid.value_cluster AS VARCHAR)) AS metric,
  value_centroid.drift AS value,
  TRUE AS in_use,
  'fit' AS role,
  value_centroid.tried AS reason,
  value_centroid.tried AS reason_zh
FROM segment.value_centroid
WHERE value_centroid.drift IS NOT NULL
UNION ALL
SELECT
  'value_cluster' AS model,
  MONTH_OF($as_of) AS trained_on,
  'adjusted_rand' AS metric,
  MAX(value_centroid.stability) AS value,
  TRUE AS in_use,
  'fit' AS role,
  MAX(value_centroid.tried) AS reason,
  MAX(value_centroid.tried) AS reason_zh
FROM segment.value_centroid
HAVING MAX(value_centroid.stability) IS NOT NULL
UNION ALL
SELECT
  'value_cluster' AS model,
  MONTH_OF($as_of) AS trained_on,
  'adjusted_rand_low' AS metric,
  MAX(value_centroid.stability_low) AS value,
  TRUE AS in_use,
  'fit' AS role,
  MAX(value_centroid.tried) AS reason,
  MAX(value_centroid.tried) AS reason_zh
FROM segment.value_centroid
HAVING MAX(value_centroid.stability_low) IS NOT NULL
UNION ALL
SELECT DISTINCT
  'grading' AS model,
  MONTH_OF(grade_outcome.graded_on) AS trained_on,
  CONCAT(grade_outcome.scheme, '_', grade_outcome.measure, '_monotone') AS metric,
  CASE WHEN grade_outcome.is_monotone THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END AS value,
  TRUE AS in_use,
  'outcome' AS role,
  'what became of the customers after they were graded' AS reason,
  '分级之后客户的实际结果' AS reason_zh
FROM segment.grade_outcome
WHERE grade_outcome.is_monotone IS NOT NULL
UNION ALL
SELECT DISTINCT
  'grading' AS model,
  MONTH_OF(grade_outcome.graded_on) AS trained_on,
  CONCAT(grade_outcome.scheme, '_', grade_outcome.measure, '_contradicted') AS metric,
  CASE WHEN grade_outcome.is_contradicted THEN CAST(1 AS DOUBLE) ELSE CAST(0 AS DOUBLE) END AS value,
  TRUE AS in_use,
  'outcome' AS role,
  'what became of the customers after they were graded' AS reason,
  '分级之后客户的实际结果' AS reason_zh
FROM segment.grade_outcome
WHERE grade_outcome.is_monotone IS NOT NULL
UNION ALL
SELECT
  'duplicates' AS model,
  MONTH_OF($as_of) AS trained_on,
  duplicate_quality.metric,
  duplicate_quality.value,
  TRUE AS in_use,
  'linkage' AS role,
  'measured on the pairs where both have an identity number' AS reason,
  '以双方均有证件号码的记录对检验' AS reason_zh
FROM segment.duplicate_quality
UNION ALL
SELECT
  'duplicates' AS model,
  MONTH_OF($as_of) AS trained_on,
  CASE
    WHEN duplicate_weight.comparison = 'pair' THEN 'share_of_pairs'
    ELSE CONCAT('weight_', duplicate_weight.comparison, '_', REPLACE(duplicate_weight.name, ' ', '_'))
  END AS metric,
  CASE
    WHEN duplicate_weight.comparison = 'pair' THEN duplicate_weight.m ELSE duplicate_weight.weight
  END AS value,
  TRUE AS in_use,
  'linkage' AS role,
  CONCAT(
    'm ', CAST(CAST(ROUND(duplicate_weight.m, 9) AS DECIMAL(12, 9)) AS VARCHAR),
    ', u ', CAST(CAST(ROUND(duplicate_weight.u, 9) AS DECIMAL(12, 9)) AS VARCHAR)
  ) AS reason,
  CONCAT(
    'm ', CAST(CAST(ROUND(duplicate_weight.m, 9) AS DECIMAL(12, 9)) AS VARCHAR),
    '，u ', CAST(CAST(ROUND(duplicate_weight.u, 9) AS DECIMAL(12, 9)) AS VARCHAR)
  ) AS reason_zh
FROM segment.duplicate_weight
UNION ALL
SELECT
  theft_quality.model,
  theft_quality.trained_on,
  theft_quality.metric,
  theft_quality.value,
  theft_quality.in_use,
  'detector' AS role,
  'thefts injected into the own accounts, areas not trained on' AS reason,
  '以注入自有户的窃电样本、在未参与训练的台区检验' AS reason_zh
FROM facts.theft_quality
UNION ALL
SELECT
  area_misfit_quality.model,
  area_misfit_quality.trained_on,
  area_misfit_quality.metric,
  area_misfit_quality.value,
  area_misfit_quality.in_use,
  'detector' AS role,
  'accounts moved to another area on paper' AS reason,
  '以账面移至其他台区的户检验' AS reason_zh
FROM facts.area_misfit_quality
