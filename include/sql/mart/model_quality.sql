/*
grain: one row a model, training date and metric, of every model that was considered
key: [model, trained_on, metric]
purpose: How good the models are on what came after their training, and which are in use.
columns:
  model: {type: string, doc: 'arrears, leaving, load_profile, duplicates, theft or area_misfit.'}
  trained_on: {type: date, doc: 'First of the month of training; 1900-01-01 for a scorecard, which is not trained.'}
  metric: {type: string, doc: 'rows, events, auc with its 95% limits auc_low and auc_high, ks, brier, calibration_NN_predicted and _observed by tenth of the probability; silhouette and drift of load profiles; precision, recall and threshold of duplicates.'}
  value: {type: double, doc: The metric.}
  in_use: {type: boolean, doc: This night's scores come from it.}
  role: {type: string, doc: 'scorecard, champion, challenger; fit, linkage or detector for the others.'}
  reason: {type: string, doc: 'Why the model in use was chosen; of load profiles the silhouettes tried.'}
  reason_zh: {type: string, doc: The same in Chinese.}
*/
SELECT m.model,
       CASE WHEN m.role = 'scorecard' THEN CAST('1900-01-01' AS DATE) ELSE m.trained_on END AS trained_on,
       m.name AS metric, m.value, m.in_use, m.role, m.reason, m.reason_zh
FROM segment.model AS m
WHERE m.kind = 'metric'
UNION ALL
SELECT 'load_profile' AS model, MONTH_OF($as_of) AS trained_on, CONCAT('silhouette_', CAST(c.load_profile AS VARCHAR)) AS metric,
       MAX(c.silhouette) AS value, TRUE AS in_use, 'fit' AS role, MAX(c.tried) AS reason, MAX(c.tried) AS reason_zh
FROM segment.load_centroid AS c
WHERE c.silhouette IS NOT NULL
GROUP BY c.load_profile
UNION ALL
SELECT 'load_profile' AS model, MONTH_OF($as_of) AS trained_on, CONCAT('drift_', CAST(c.load_profile AS VARCHAR)) AS metric,
       MAX(c.drift) AS value, TRUE AS in_use, 'fit' AS role, MAX(c.tried) AS reason, MAX(c.tried) AS reason_zh
FROM segment.load_centroid AS c
WHERE c.drift IS NOT NULL
GROUP BY c.load_profile
UNION ALL
SELECT 'duplicates' AS model, MONTH_OF($as_of) AS trained_on, q.metric, q.value, TRUE AS in_use, 'linkage' AS role,
       'measured on the pairs where both have an identity number' AS reason, '以双方均有证件号码的记录对检验' AS reason_zh
FROM segment.duplicate_quality AS q
UNION ALL
SELECT q.model, q.trained_on, q.metric, q.value, q.in_use, 'detector' AS role, 'thefts injected into the own accounts, areas not trained on' AS reason,
       '以注入自有户的窃电样本、在未参与训练的台区检验' AS reason_zh
FROM facts.theft_quality AS q
UNION ALL
SELECT q.model, q.trained_on, q.metric, q.value, q.in_use, 'detector' AS role, 'accounts moved to another area on paper' AS reason,
       '以账面移至其他台区的户检验' AS reason_zh
FROM facts.area_misfit_quality AS q
