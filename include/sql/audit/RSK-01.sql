/*
title: Business change without a new contract
zh: 业务变更未重签合同
kind: exception
modes: [nightly]
subject: order
severity: medium
flags: >-
  increase, change_tariff or transfer_name, not withdrawn or rejected, closed more than grace_days and less than 12 months before
  as_of, with no contract signed at or after submitted_at.
params:
  grace_days: {type: integer, default: 30, minimum: 0, doc: Days to sign the new contract.}
messages:
  en: "The order of kind {kind} was closed on {closed_on}; the last contract was signed on {last_signed_on}."
  zh: "{kind} 工单于 {closed_on} 归档，最近合同签订日期 {last_signed_on}。"
*/
WITH changed AS (
  SELECT o.order_id, o.account_id, o.kind, CAST(o.submitted_at AS DATE) AS submitted_on, CAST(o.closed_at AS DATE) AS closed_on
  FROM source.service_order AS o
  WHERE o.kind IN ('increase', 'change_tariff', 'transfer_name')
    AND o.closed_at IS NOT NULL
    AND (o.outcome IS NULL OR o.outcome NOT IN ('withdrawn', 'rejected'))
),
signed AS (
  SELECT c.account_id, MAX(c.signed_on) AS last_signed_on
  FROM source.contract AS c
  GROUP BY c.account_id
)
SELECT o.order_id AS subject_id,
       o.account_id,
       s.last_signed_on IS NULL OR s.last_signed_on < o.submitted_on AS flagged,
       o.kind,
       o.submitted_on,
       o.closed_on,
       s.last_signed_on,
       $grace_days AS grace_days
FROM changed AS o
LEFT JOIN signed AS s ON s.account_id = o.account_id
WHERE DATE_DIFF('day', o.closed_on, $as_of) > $grace_days
  AND o.closed_on > ADD_MONTHS($as_of, -12)
