/*
title: Temporary-connection fee not refunded
zh: 未按标准退临时接电费
flags_zh: 临时用电账户销户超过 grace_days 天，临时接电费退费少于已缴金额；或取消该项收费之日（fee_abolished_on）起收取的临时接电费未全额退还。
what_to_do:
  en: >-
    Refund what is left of the fee to the customer and enter the refund; where the account is unknown,
    advertise and keep it as owed.
  zh: 将未退的临时接电费退还客户并登记；联系不上的按规定公告，列入应付款。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: state
proof: same
basis: "发改办价格〔2017〕1895号"
changed: [{from: 2017-12-01, what: "The fee is abolished: what is paid must be refunded, whatever becomes of the account."}]
flags: >-
  is_temporary, closed more than grace_days before as_of, and refunded_amount below paid_amount of its
  temporary_connection fee; or, of any account closed or not, such a fee charged from fee_abolished_on on
  (charged_on; where empty: opened_on) and not wholly refunded.
at_stake: minus (paid less refunded)
params:
  grace_days: {type: integer, default: 30, minimum: 0, doc: Days after closing in which the fee may still be refunded.}
  fee_abolished_on: {type: date, default: 2017-12-01, doc: 'The first day from which no such fee may be charged.'}
messages:
  en:
    - "The account was closed on {closed_on}; of a temporary-connection fee of {paid_amount} only {refunded_amount} was refunded."
    - "The temporary-connection fee is abolished since {fee_abolished_on}; of {paid_amount} paid only {refunded_amount} was refunded."
  zh:
    - "账户于 {closed_on} 销户，临时接电费已缴 {paid_amount} 元，仅退 {refunded_amount} 元。"
    - "临时接电费自 {fee_abolished_on} 起取消，已缴 {paid_amount} 元，仅退 {refunded_amount} 元。"
*/
WITH candidate AS (
  SELECT
    account.account_id,
    account.opened_on,
    account.closed_on,
    COALESCE(
      account.is_temporary AND account.status = 'closed'
      AND DATE_DIFF('day', account.closed_on, $as_of) > $grace_days, FALSE
    ) AS is_closed
  FROM source.account
),

fee AS (
  SELECT
    fee.account_id,
    fee.fee_id,
    fee.paid_amount,
    fee.refunded_amount,
    COALESCE(COALESCE(fee.charged_on, candidate.opened_on) >= $fee_abolished_on, FALSE) AS is_abolished
  FROM source.fee
  INNER JOIN candidate ON candidate.account_id = fee.account_id
  WHERE fee.kind = 'temporary_connection'
),

due AS (
  SELECT
    fee.account_id,
    BOOL_OR(fee.is_abolished) AS has_abolished,
    MIN(fee.fee_id) FILTER (WHERE fee.refunded_amount < fee.paid_amount) AS first_fee_id,
    SUM(fee.paid_amount) FILTER (WHERE fee.refunded_amount < fee.paid_amount) AS paid_amount,
    SUM(fee.refunded_amount) FILTER (WHERE fee.refunded_amount < fee.paid_amount) AS refunded_amount
  FROM fee
  INNER JOIN candidate ON candidate.account_id = fee.account_id
  WHERE candidate.is_closed OR fee.is_abolished
  GROUP BY fee.account_id
)

SELECT
  candidate.account_id AS subject_id,
  candidate.account_id,
  due.first_fee_id IS NOT NULL AS flagged,
  due.refunded_amount - due.paid_amount AS at_stake_amount,
  CASE WHEN candidate.is_closed THEN candidate.closed_on END AS closed_on,
  $grace_days AS grace_days,
  $fee_abolished_on AS fee_abolished_on,
  due.first_fee_id,
  due.paid_amount,
  due.refunded_amount
FROM candidate
LEFT JOIN due ON due.account_id = candidate.account_id
WHERE candidate.is_closed OR due.has_abolished
