/*
title: Business change without a new contract
zh: 业务变更未重签合同
flags_zh: 增容、改类或过户工单归档超过 grace_days 天（12 个月内），自受理以来未签订供用电合同；撤回、驳回的除外。
what_to_do:
  en: Sign the contract anew, or the agreement that changes it.
  zh: 与客户重新签订或变更供用电合同。
kind: exception
modes: [nightly]
subject: order
severity: medium
judges: state
proof: same
window: {on: closed_on, below: 12, unit: months}
flags: >-
  increase, change_tariff or transfer_name, not withdrawn or rejected, closed more than grace_days and less than 12 months before
  as_of, with no contract signed at or after submitted_at.
params:
  grace_days: {type: integer, default: 30, minimum: 0, doc: Days to sign the new contract.}
messages:
  en:
    - "The {kind} was closed on {closed_on}, and no contract has been signed since it was applied for on {submitted_on}; {grace_days} days are allowed. The last is of {last_signed_on}."
    - "The {kind} was closed on {closed_on}, and no contract has been signed since it was applied for on {submitted_on}; {grace_days} days are allowed."
  zh:
    - "{kind}工单于 {closed_on} 归档，自 {submitted_on} 受理以来未重新签订合同，时限 {grace_days} 天；最近合同签订日期为 {last_signed_on}。"
    - "{kind}工单于 {closed_on} 归档，自 {submitted_on} 受理以来未重新签订合同，时限 {grace_days} 天。"
*/
WITH changed AS (
  SELECT
    service_order.order_id,
    service_order.account_id,
    service_order.kind,
    CAST(service_order.submitted_at AS DATE) AS submitted_on,
    CAST(service_order.closed_at AS DATE) AS closed_on
  FROM source.service_order
  WHERE
    service_order.kind IN ('increase', 'change_tariff', 'transfer_name')
    AND service_order.closed_at IS NOT NULL
    AND (service_order.outcome IS NULL OR service_order.outcome NOT IN ('withdrawn', 'rejected'))
),

signed AS (
  SELECT
    contract.account_id,
    MAX(contract.signed_on) AS last_signed_on
  FROM source.contract
  GROUP BY contract.account_id
)

SELECT
  changed.order_id AS subject_id,
  changed.account_id,
  signed.last_signed_on IS NULL OR signed.last_signed_on < changed.submitted_on AS flagged,
  changed.kind,
  changed.submitted_on,
  changed.closed_on,
  signed.last_signed_on,
  $grace_days AS grace_days
FROM changed
LEFT JOIN signed ON signed.account_id = changed.account_id
WHERE
  DATE_DIFF('day', changed.closed_on, $as_of) > $grace_days
  AND changed.closed_on > ADD_MONTHS($as_of, -12)
