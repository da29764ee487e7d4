/*
grain: one row per model, training date and metric, of every model that was considered
key: [model, trained_on, metric]
purpose: How good the models are on what came after their training, and which are in use.
columns:
  model: {type: string, doc: 'arrears, leaving, load_profile, duplicates, theft or area_misfit.'}
  trained_on: {type: date, doc: 'First of the month of training; 1900-01-01 for a scorecard, which is not trained.'}
  metric: {type: string, doc: 'rows, events, auc with its 95% limits auc_low and auc_high, ks, brier, calibration_NN_predicted and _observed by tenth of the probability; silhouette and drift of load profiles; precision, recall and threshold of duplicates, share_of_pairs that are of one person, and weight_<comparison>_<level>, log2 of m over u, which the reason tells.'}
  value: {type: double, doc: The metric.}
  in_use: {type: boolean, doc: This night's scores come from it.}
  role: {type: string, doc: 'scorecard, champion, challenger; fit, linkage or detector for the others.'}
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
