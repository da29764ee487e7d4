/*
title: Transformer file missing or incomplete
zh: 变压器档案缺乏或不全
flags_zh: 未退役变压器的型号、额定容量、损耗代码或投运日期为空；或专用变压器未登记所属账户。
what_to_do:
  en: Complete the file from the nameplate and the acceptance papers.
  zh: 依据铭牌和竣工资料补全变压器档案；专用变压器补录所属账户。
kind: exception
modes: [nightly]
subject: transformer
severity: medium
judges: state
proof: same
flags: >-
  not retired, and model, rated_kva, loss_code or commissioned_on empty, or dedicated without account_id.
messages:
  en: "The transformer's file lacks: {missing}."
  zh: "变压器档案缺少：{missing}。"
*/
WITH judged AS (
  SELECT
    transformer.transformer_id,
    transformer.account_id,
    transformer.org_unit_id,
    transformer.ownership,
    CONCAT_WS(
      ', ',
      CASE WHEN REGEXP_MATCHES(transformer.model, '[^\s\p{Z}]') THEN NULL ELSE 'model' END,
      CASE WHEN transformer.rated_kva IS NULL THEN 'rated_kva' END,
      CASE WHEN REGEXP_MATCHES(transformer.loss_code, '[^\s\p{Z}]') THEN NULL ELSE 'loss_code' END,
      CASE WHEN transformer.commissioned_on IS NULL THEN 'commissioned_on' END,
      CASE
        WHEN
          transformer.ownership = 'dedicated'
          AND NOT COALESCE(REGEXP_MATCHES(transformer.account_id, '[^\s\p{Z}]'), FALSE)
          THEN 'account_id'
      END
    ) AS missing
  FROM source.transformer
  WHERE transformer.retired_on IS NULL OR transformer.retired_on > $as_of
)

SELECT
  judged.transformer_id AS subject_id,
  judged.account_id,
  judged.org_unit_id,
  judged.missing <> '' AS flagged,
  judged.missing,
  judged.ownership
FROM judged
