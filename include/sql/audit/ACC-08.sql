/*
title: 'Capacity differs from the transformers'''
zh: 报装容量与变压器容量不匹配
flags_zh: 客户有未退役的专用变压器，且额定容量均已录入，其合计与办理后容量之差超过允许偏差（tolerance_kva）。
what_to_do:
  en: >-
    Compare nameplates, application and file. Correct the transformer's file or the capacity applied for;
    what is billed by capacity follows from it.
  zh: 核对变压器铭牌、申请书和档案，更正变压器档案或报装容量；按容量计收基本电费的，以核实后的容量为准。
kind: exception
modes: [online, nightly]
subject: order
severity: high
judges: state
proof: same
flags: >-
  the account has dedicated transformers not retired, all with rated_kva, and their sum differs from
  the capacity after the order by more than tolerance_kva.
params:
  tolerance_kva: {type: number, default: 1, minimum: 0, doc: Difference in kVA that is let pass.}
messages:
  en: "{capacity_after_kva} kVA after the order[ (contracted {contracted_kva} kVA)], but the transformers have {transformers_kva} kVA."
  zh: "报装后容量 {capacity_after_kva} kVA[（合同容量 {contracted_kva} kVA）]，变压器容量合计 {transformers_kva} kVA。"
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
  capacity_after_order.order_id AS subject_id,
  capacity_after_order.account_id,
  COALESCE(dedicated.transformers = dedicated.with_rating, FALSE)
  AND ROUND(ABS(dedicated.rated_kva - capacity_after_order.capacity_after_kva), 6) > $tolerance_kva
    AS flagged,
  capacity_after_order.contracted_kva,
  capacity_after_order.capacity_after_kva,
  dedicated.rated_kva AS transformers_kva,
  dedicated.transformers,
  dedicated.first_transformer_id,
  $tolerance_kva AS tolerance_kva
FROM core.capacity_after_order
LEFT JOIN dedicated ON dedicated.account_id = capacity_after_order.account_id
