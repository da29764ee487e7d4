/*
title: New or changed dedicated transformer
zh: 100kVA及以上新装变更专变客户清单
flags_zh: 新装、增容或改类工单在审核月内送电或归档，账户有 min_kva 及以上未退役专用变压器，列出复核。
what_to_do:
  en: Look over tariff, multiplier, loss code and contract of the account before its first bill.
  zh: 首次出账前复核电价、倍率、损耗代码和合同。
kind: listing
modes: [nightly]
subject: order
severity: low
judges: month
proof: same
flags: >-
  an order of kind new, increase or change_tariff energized or closed in P on an account with a dedicated transformer, not
  retired, of min_kva and up.
params:
  min_kva: {type: number, default: 100, minimum: 0, doc: Smallest transformer listed.}
messages:
  en: "The {kind} concerns a dedicated transformer of {rated_kva} kVA; from {min_kva} kVA it is looked over."
  zh: "{kind}工单涉及 {rated_kva} kVA 专用变压器，{min_kva} kVA 及以上列入复核。"
*/
WITH biggest AS (
  SELECT
    transformer.account_id,
    transformer.transformer_id,
    transformer.rated_kva
  FROM source.transformer
  WHERE
    transformer.ownership = 'dedicated'
    AND transformer.account_id IS NOT NULL
    AND (transformer.retired_on IS NULL OR transformer.retired_on > $as_of)
    AND transformer.rated_kva IS NOT NULL
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY transformer.account_id ORDER BY transformer.rated_kva DESC, transformer.transformer_id
      )
    = 1
)

SELECT
  service_order.order_id AS subject_id,
  service_order.account_id,
  COALESCE(biggest.rated_kva >= $min_kva, FALSE) AS flagged,
  service_order.kind,
  service_order.energized_at,
  service_order.closed_at,
  biggest.transformer_id,
  biggest.rated_kva,
  $min_kva AS min_kva
FROM source.service_order
LEFT JOIN biggest ON biggest.account_id = service_order.account_id
WHERE
  service_order.kind IN ('new', 'increase', 'change_tariff')
  AND (
    (service_order.energized_at >= $period_start_at AND service_order.energized_at < $period_end_at)
    OR (service_order.closed_at >= $period_start_at AND service_order.closed_at < $period_end_at)
  )
