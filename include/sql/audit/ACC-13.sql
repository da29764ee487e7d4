/*
title: Temporary-connection fee missing or wrong
zh: 临时接电费执行错误
flags_zh: 取消该项收费之日（fee_abolished_on）以前受理的临时用电：未收取临时接电费，或未经减免审批而应收与标准不符；此后受理的：仍收取临时接电费。
what_to_do:
  en: >-
    An order from before the abolition is charged by the standard; for later ones cancel the fee and refund
    what was paid.
  zh: 取消收费前受理的，按标准补收或退还差额；取消收费后受理的，取消该项收费，已收的全额退还客户。
kind: exception
modes: [online, nightly]
subject: order
severity: high
judges: state
proof: same
basis: "发改办价格〔2017〕1895号"
changed: [{from: 2017-12-01, what: "The fee is abolished: none is due, and one that is charged is wrong."}]
flags: >-
  order submitted (local day) before fee_abolished_on: is_temporary and there is no temporary_connection fee,
  or one whose charged_amount differs from standard_amount without waiver_approved; from then on: a
  temporary_connection fee of the account with a charged_amount above 0 charged (where charged_on is empty:
  order submitted) from fee_abolished_on on.
at_stake: 'standard less charged; from the abolition on minus the amount paid and not refunded'
params:
  fee_abolished_on: {type: date, default: 2017-12-01, doc: 'The first day from which no such fee may be charged.'}
messages:
  en:
    - "The temporary-connection fee is abolished since {fee_abolished_on}; charged {charged_amount}, paid {paid_amount}, refunded {refunded_amount}."
    - "Temporary-connection fees on the account: {fees}; charged {charged_amount}, the standard is {standard_amount}."
    - "There is no temporary-connection fee on the account."
  zh:
    - "临时接电费自 {fee_abolished_on} 起取消，仍收取 {charged_amount} 元；已缴 {paid_amount} 元，已退 {refunded_amount} 元。"
    - "临时接电费 {fees} 笔；应收 {standard_amount} 元，实收 {charged_amount} 元。"
    - "未收取临时接电费。"
*/
WITH application AS (
  SELECT
    open_application.order_id,
    account.account_id,
    account.is_temporary,
    CAST(open_application.submitted_at AS DATE) AS submitted_on,
    CAST(open_application.submitted_at AS DATE) >= $fee_abolished_on AS is_abolished
  FROM core.open_application
  INNER JOIN source.account ON account.account_id = open_application.account_id
),

abolished AS (
  SELECT
    application.order_id,
    COUNT(*) AS wrong_fees,
    MIN(fee.fee_id) AS first_wrong_fee_id,
    SUM(fee.charged_amount) AS charged_amount,
    SUM(fee.paid_amount) AS paid_amount,
    SUM(fee.refunded_amount) AS refunded_amount
  FROM application
  INNER JOIN source.fee
    ON fee.account_id = application.account_id
    AND fee.kind = 'temporary_connection'
    AND fee.charged_amount > 0
    AND COALESCE(fee.charged_on, application.submitted_on) >= $fee_abolished_on
  WHERE application.is_abolished
  GROUP BY application.order_id
)

SELECT
  application.order_id AS subject_id,
  application.account_id,
  CASE
    WHEN application.is_abolished THEN abolished.order_id IS NOT NULL
    ELSE application.is_temporary AND (fee_check.account_id IS NULL OR fee_check.wrong_fees > 0)
  END AS flagged,
  CASE
    WHEN application.is_abolished THEN abolished.refunded_amount - abolished.paid_amount
    ELSE fee_check.standard_amount - fee_check.charged_amount
  END AS at_stake_amount,
  application.submitted_on,
  $fee_abolished_on AS fee_abolished_on,
  COALESCE(fee_check.fees, 0) AS fees,
  COALESCE(CASE WHEN application.is_abolished THEN abolished.wrong_fees ELSE fee_check.wrong_fees END, 0)
    AS wrong_fees,
  CASE
    WHEN application.is_abolished THEN abolished.first_wrong_fee_id ELSE fee_check.first_wrong_fee_id
  END AS first_wrong_fee_id,
  CASE WHEN NOT application.is_abolished THEN fee_check.standard_amount END AS standard_amount,
  CASE WHEN application.is_abolished THEN abolished.charged_amount ELSE fee_check.charged_amount END
    AS charged_amount,
  abolished.paid_amount,
  abolished.refunded_amount
FROM application
LEFT JOIN abolished ON abolished.order_id = application.order_id
LEFT JOIN core.fee_check
  ON fee_check.account_id = application.account_id AND fee_check.fee_kind = 'temporary_connection'
