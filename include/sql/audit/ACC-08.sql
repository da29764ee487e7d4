/*
title: 'Capacity differs from the transformers'''
zh: 报装容量与变压器容量不匹配
kind: exception
modes: [online, nightly]
subject: order
severity: high
flags: >-
  the account has dedicated transformers not retired, all with rated_kva, and their sum differs from
  contracted_kva by more than tolerance_kva.
params:
  tolerance_kva: {type: number, default: 1, minimum: 0, doc: Difference in kVA that is let pass.}
messages:
  en: "Applied for {contracted_kva} kVA, but the transformers have {transformers_kva} kVA."
  zh: "报装容量 {contracted_kva} kVA，变压器容量合计 {transformers_kva} kVA。"
*/
WITH dedicated AS (
  SELECT
    transformer.account_id,
    COUNT(*) AS transformers,
    COUNT(transformer.rated_kva) AS with_rating,
    EXACT_SUM(transformer.rated_kva) AS rated_kva,
    MIN(transformer.transformer_id) AS first_transformer_id
  FROM source.transformer
  WHERE
    transformer.ownership = 'dedicated'
    AND (transformer.retired_on IS NULL OR transformer.retired_on > $as_of)
  GROUP BY transformer.account_id
)

SELECT
  open_application.order_id AS subject_id,
  open_application.account_id,
  COALESCE(dedicated.transformers = dedicated.with_rating, FALSE)
  AND ROUND(ABS(dedicated.rated_kva - account.contracted_kva), 6) > $tolerance_kva AS flagged,
  account.contracted_kva,
  dedicated.rated_kva AS transformers_kva,
  dedicated.transformers,
  dedicated.first_transformer_id,
  $tolerance_kva AS tolerance_kva
FROM core.open_application
INNER JOIN source.account ON account.account_id = open_application.account_id
LEFT JOIN dedicated ON dedicated.account_id = account.account_id
