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
SELECT p.payment_id AS subject_id,
       p.account_id,
       (p.bill_id IS NULL OR TRIM(p.bill_id) = '') AND DATE_DIFF('day', CAST(p.received_at AS DATE), $as_of) > $max_days AS flagged,
       -p.amount AS at_stake_amount,
       CAST(p.received_at AS DATE) AS received_on,
       p.amount,
       p.channel,
       $max_days AS max_days
FROM source.payment AS p
WHERE p.channel <> 'prepaid'
