/*
title: Load-control fee not by the schedule
zh: 负荷控制装置收费不符
flags_zh: 取消该项收费之日（fee_abolished_on）起仍收取负荷控制装置费；或此前立户、装有负荷控制装置的账户，未收取该费，或未经减免审批而应收与标准不符。
what_to_do:
  en: >-
    A fee charged after the abolition is cancelled and refunded; an earlier one is brought to the standard
    of its time.
  zh: 取消收费后收取的，取消并全额退还；此前的，按当时标准补收或退还差额。
kind: exception
modes: [nightly]
subject: account
severity: low
judges: state
proof: same
basis: "国办函〔2020〕129号"
changed: [{from: 2021-03-01, what: "The fee is abolished: none is due from accounts opened from then on, and one that is charged is wrong."}]
flags: >-
  a load_control fee with charged_on (where empty: the account's opened_on) from fee_abolished_on on and
  charged_amount above 0; or, of an account opened before, has_load_control and no load_control fee, or one
  charged before and differently from standard without waiver_approved.
at_stake: 'standard less charged; of a fee charged from the abolition on minus the amount paid and not refunded'
params:
  fee_abolished_on: {type: date, default: 2021-03-01, doc: 'The first day from which no such fee may be charged.'}
messages:
  en:
    - "The load-control fee is abolished since {fee_abolished_on}; fees charged since: {abolished_fees}, paid {paid_amount}, refunded {refunded_amount}."
    - "Load-control fees on the account: {fees}; charged {charged_amount}, the standard is {standard_amount}."
    - "There is no load-control fee on the account."
  zh:
    - "负荷控制装置费自 {fee_abolished_on} 起取消，其后仍收取 {abolished_fees} 笔；已缴 {paid_amount} 元，已退 {refunded_amount} 元。"
    - "负荷控制装置费 {fees} 笔；应收 {standard_amount} 元，实收 {charged_amount} 元。"
    - "未收取负荷控制装置费。"
*/
WITH fee AS (
  SELECT
    fee.account_id,
    fee.fee_id,
    fee.standard_amount,
    fee.charged_amount,
    fee.paid_amount,
    fee.refunded_amount,
    COALESCE(
      COALESCE(fee.charged_on, account.opened_on) >= $fee_abolished_on AND fee.charged_amount > 0, FALSE
    ) AS is_abolished,
    COALESCE(
      COALESCE(fee.charged_on, account.opened_on) < $fee_abolished_on
      AND account.opened_on < $fee_abolished_on
      AND account.has_load_control
      AND fee.charged_amount <> fee.standard_amount
      AND NOT fee.waiver_approved, FALSE
    ) AS is_wrong
  FROM source.fee
  INNER JOIN source.account ON account.account_id = fee.account_id
  WHERE fee.kind = 'load_control'
),

summed AS (
  SELECT
    fee.account_id,
    COUNT(*) AS fees,
    COUNT(*) FILTER (WHERE fee.is_wrong) AS wrong_fees,
    COUNT(*) FILTER (WHERE fee.is_abolished) AS abolished_fees,
    MIN(fee.fee_id) FILTER (WHERE fee.is_wrong OR fee.is_abolished) AS first_wrong_fee_id,
    SUM(fee.standard_amount) FILTER (WHERE fee.is_wrong) AS standard_amount,
    SUM(fee.charged_amount) FILTER (WHERE fee.is_wrong) AS charged_amount,
    SUM(fee.paid_amount) FILTER (WHERE fee.is_abolished) AS paid_amount,
    SUM(fee.refunded_amount) FILTER (WHERE fee.is_abolished) AS refunded_amount
  FROM fee
  GROUP BY fee.account_id
)

SELECT
  account.account_id AS subject_id,
  account.account_id,
  COALESCE(summed.wrong_fees + summed.abolished_fees > 0, FALSE)
  OR (account.has_load_control AND summed.account_id IS NULL AND account.opened_on < $fee_abolished_on)
    AS flagged,
  CASE
    WHEN summed.wrong_fees + summed.abolished_fees > 0
      THEN
        COALESCE(summed.standard_amount - summed.charged_amount, 0)
        - COALESCE(summed.paid_amount - summed.refunded_amount, 0)
  END AS at_stake_amount,
  account.opened_on,
  $fee_abolished_on AS fee_abolished_on,
  COALESCE(summed.fees, 0) AS fees,
  COALESCE(summed.wrong_fees, 0) AS wrong_fees,
  COALESCE(summed.abolished_fees, 0) AS abolished_fees,
  summed.first_wrong_fee_id,
  summed.standard_amount,
  summed.charged_amount,
  summed.paid_amount,
  summed.refunded_amount
FROM source.account
LEFT JOIN summed ON summed.account_id = account.account_id
WHERE account.has_load_control OR summed.abolished_fees > 0
