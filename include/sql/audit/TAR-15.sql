/*
title: New or changed dedicated transformer
zh: 100kVA及以上新装变更专变客户清单
kind: listing
modes: [nightly]
subject: order
severity: low
flags: >-
  an order of kind new, increase or change_tariff energized or closed in P on an account with a dedicated transformer, not
  retired, of min_kva and up.
params:
  min_kva: {type: number, default: 100, minimum: 0, doc: Smallest transformer listed.}
messages:
  en: "Order of kind {kind} on transformer {transformer_id} of {rated_kva} kVA."
  zh: "专变 {transformer_id}（{rated_kva} kVA）客户的 {kind} 工单。"
*/
WITH biggest AS (
  SELECT t.account_id, t.transformer_id, t.rated_kva
  FROM source.transformer AS t
  WHERE t.ownership = 'dedicated' AND t.account_id IS NOT NULL AND (t.retired_on IS NULL OR t.retired_on > $as_of) AND t.rated_kva IS NOT NULL
  QUALIFY ROW_NUMBER() OVER (PARTITION BY t.account_id ORDER BY t.rated_kva DESC, t.transformer_id) = 1
)
SELECT o.order_id AS subject_id,
       o.account_id,
       COALESCE(t.rated_kva >= $min_kva, FALSE) AS flagged,
       o.kind,
       o.energized_at,
       o.closed_at,
       t.transformer_id,
       t.rated_kva,
       $min_kva AS min_kva
FROM source.service_order AS o
LEFT JOIN biggest AS t ON t.account_id = o.account_id
WHERE o.kind IN ('new', 'increase', 'change_tariff')
  AND ((o.energized_at >= $period_start_at AND o.energized_at < $period_end_at)
       OR (o.closed_at >= $period_start_at AND o.closed_at < $period_end_at))
