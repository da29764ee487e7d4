/*
title: Payment matched to no bill
zh: 未销账收款
flags_zh: 非预付费收款未对应账单，且收款已超过 max_days 天。
what_to_do:
  en: >-
    Match the payment to the bill it was meant for, or to the account as an advance; what belongs to nobody
    is refunded.
  zh: 将收款销到对应账单或转为预收；确认多收、错收的退还客户。
kind: exception
modes: [nightly]
subject: payment
severity: medium
judges: state
proof: same
flags: bill_id empty, channel not prepaid, received more than max_days before as_of.
at_stake: minus the amount
params:
  max_days: {type: integer, default: 30, minimum: 0, doc: Days until a payment must be matched.}
messages:
  en: "The {amount} received on {received_on} has been matched to no bill for more than {max_days} days."
  zh: "{received_on} 收款 {amount} 元，超过 {max_days} 天未销账。"
*/
-- Nearly every payment names its bill; a local day is computed for the few that do not.
WITH loose AS (
  SELECT
    payment.payment_id,
    payment.account_id,
    payment.amount,
    payment.channel,
    CASE WHEN payment.bill_id IS NULL OR TRIM(payment.bill_id) = '' THEN CAST(payment.received_at AS DATE) END
      AS received_on
  FROM source.payment
  WHERE payment.channel <> 'prepaid'
)

SELECT
  loose.payment_id AS subject_id,
  loose.account_id,
  COALESCE(DATE_DIFF('day', loose.received_on, $as_of) > $max_days, FALSE) AS flagged,
  -loose.amount AS at_stake_amount,
  loose.received_on,
  loose.amount,
  loose.channel,
  $max_days AS max_days
FROM loose
