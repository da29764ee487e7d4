/*
title: Payment matched to no bill
zh: 未销账收款
kind: exception
modes: [nightly]
subject: payment
severity: medium
flags: bill_id empty, channel not prepaid, received more than max_days before as_of.
at_stake: minus the amount
params:
  max_days: {type: integer, default: 30, minimum: 0, doc: Days until a payment must be matched.}
messages:
  en: "{amount} received on {received_on} is matched to no bill."
  zh: "{received_on} 收款 {amount} 元未销账。"
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
