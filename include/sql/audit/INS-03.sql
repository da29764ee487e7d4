/*
title: Transformer file missing or incomplete
zh: 变压器档案缺乏或不全
kind: exception
modes: [nightly]
subject: transformer
severity: medium
flags: >-
  not retired, and model, rated_kva, loss_code or commissioned_on empty, or dedicated without account_id.
messages:
  en: "The transformer's file lacks: {missing}."
  zh: "变压器档案缺少：{missing}。"
*/
WITH judged AS (
  SELECT t.transformer_id,
         t.account_id,
         t.org_unit_id,
         t.ownership,
         CONCAT_WS(', ',
           CASE WHEN REGEXP_MATCHES(t.model, '[^\s\p{Z}]') THEN NULL ELSE 'model' END,
           CASE WHEN t.rated_kva IS NULL THEN 'rated_kva' END,
           CASE WHEN REGEXP_MATCHES(t.loss_code, '[^\s\p{Z}]') THEN NULL ELSE 'loss_code' END,
           CASE WHEN t.commissioned_on IS NULL THEN 'commissioned_on' END,
           CASE WHEN t.ownership = 'dedicated' AND NOT COALESCE(REGEXP_MATCHES(t.account_id, '[^\s\p{Z}]'), FALSE) THEN 'account_id' END) AS missing
  FROM source.transformer AS t
  WHERE t.retired_on IS NULL OR t.retired_on > $as_of
)
SELECT j.transformer_id AS subject_id,
       j.account_id,
       j.org_unit_id,
       j.missing <> '' AS flagged,
       j.missing,
       j.ownership
FROM judged AS j
