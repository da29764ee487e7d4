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
  SELECT t.account_id,
         COUNT(*) AS transformers,
         COUNT(t.rated_kva) AS with_rating,
         EXACT_SUM(t.rated_kva) AS rated_kva,
         MIN(t.transformer_id) AS first_transformer_id
  FROM source.transformer AS t
  WHERE t.ownership = 'dedicated' AND (t.retired_on IS NULL OR t.retired_on > $as_of)
  GROUP BY t.account_id
)
SELECT o.order_id AS subject_id,
       o.account_id,
       COALESCE(d.transformers = d.with_rating, FALSE) AND ROUND(ABS(d.rated_kva - a.contracted_kva), 6) > $tolerance_kva AS flagged,
       a.contracted_kva,
       d.rated_kva AS transformers_kva,
       d.transformers,
       d.first_transformer_id,
       $tolerance_kva AS tolerance_kva
FROM core.open_application AS o
INNER JOIN source.account AS a ON a.account_id = o.account_id
LEFT JOIN dedicated AS d ON d.account_id = a.account_id
