/*
title: Loss code does not fit the transformer
zh: 铜铁损代码与变压器不符
kind: exception
modes: [nightly]
subject: transformer
severity: high
flags: >-
  not retired, and the loss_code's model or rated_kva differs from the transformer's.
messages:
  en: >-
    Loss code {loss_code} is for {loss_code_model}, {loss_code_kva} kVA; the transformer is {model},
    {rated_kva} kVA.
  zh: >-
    损耗代码 {loss_code}（{loss_code_model}，{loss_code_kva} kVA）与变压器（{model}，{rated_kva} kVA）不符。
*/
SELECT t.transformer_id AS subject_id,
       t.account_id,
       t.org_unit_id,
       CASE WHEN TRIM(l.model) <> '' AND TRIM(t.model) <> '' THEN l.model <> t.model END
         OR ROUND(ABS(l.rated_kva - t.rated_kva), 9) > 0 AS flagged,
       t.loss_code,
       t.model,
       l.model AS loss_code_model,
       t.rated_kva,
       l.rated_kva AS loss_code_kva
FROM source.transformer AS t
LEFT JOIN source.loss_code AS l ON l.loss_code = t.loss_code
WHERE t.retired_on IS NULL OR t.retired_on > $as_of
