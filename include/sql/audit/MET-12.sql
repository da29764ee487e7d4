/*
title: Loss code does not fit the transformer
zh: 铜铁损代码与变压器不符
flags_zh: 未退役变压器的型号或额定容量与其损耗代码对应的型号、容量不一致。
what_to_do:
  en: Compare the nameplate; correct the loss code or the file, and bill the losses anew since the change.
  zh: 核对变压器铭牌，更正损耗代码或变压器档案，并退补变损电费。
kind: exception
modes: [nightly]
subject: transformer
severity: high
judges: state
proof: same
flags: >-
  not retired, and the loss_code's model or rated_kva differs from the transformer's.
messages:
  en: "The loss code filed is for [{loss_code_model} of ]{loss_code_kva} kVA; the transformer is [{model} of ]{rated_kva} kVA."
  zh: "所用损耗代码对应 [{loss_code_model}、]{loss_code_kva} kVA，变压器为 [{model}、]{rated_kva} kVA。"
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
