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
SELECT
  transformer.transformer_id AS subject_id,
  transformer.account_id,
  transformer.org_unit_id,
  CASE
    WHEN
      TRIM(loss_code.model) <> '' AND TRIM(transformer.model) <> ''
      THEN loss_code.model <> transformer.model
  END
  OR ROUND(ABS(loss_code.rated_kva - transformer.rated_kva), 9) > 0 AS flagged,
  transformer.loss_code,
  transformer.model,
  loss_code.model AS loss_code_model,
  transformer.rated_kva,
  loss_code.rated_kva AS loss_code_kva
FROM source.transformer
LEFT JOIN source.loss_code ON loss_code.loss_code = transformer.loss_code
WHERE transformer.retired_on IS NULL OR transformer.retired_on > $as_of
