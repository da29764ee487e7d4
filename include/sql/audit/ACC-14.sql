/*
title: 'Fee short, waived or deferred'
zh: 规费错收漏收减免缓交
flags_zh: 其他业务费未经减免审批而应收与标准不符；任何费用经减免审批且应收低于标准；或应收后超过宽限期（grace_days）实缴仍低于应收。
what_to_do:
  en: >-
    Check the fee against the standard and the approval of a waiver. Collect what is short, refund what is
    too much; a waiver without grounds is withdrawn.
  zh: 对照收费标准和减免审批核实，少收的补收，多收的退还，逾期的催缴；减免依据不足的予以撤销。
kind: exception
modes: [online, nightly]
subject: fee
severity: medium
judges: state
proof: same
flags: >-
  a fee of any other kind whose charged_amount differs from standard_amount without waiver_approved; a fee
  of any kind with waiver_approved and charged below standard; or paid below charged more than grace_days
  after charged_on.
at_stake: 'standard less charged, or charged less paid'
params:
  grace_days: {type: integer, default: 30, minimum: 0, doc: Days after charging in which a fee may stay unpaid.}
messages:
  en: "Fee {subject_id}: {problem} (standard {standard_amount}, charged {charged_amount}, paid {paid_amount})."
  zh: "费用 {subject_id}：{problem}（标准 {standard_amount} 元，收取 {charged_amount} 元，到账 {paid_amount} 元）。"
*/
WITH judged AS (
  SELECT
    fee.fee_id,
    fee.account_id,
    fee.kind,
    fee.standard_amount,
    fee.charged_amount,
    fee.paid_amount,
    fee.waiver_approved,
    fee.charged_on,
    COALESCE(
      fee.kind NOT IN ('high_reliability', 'temporary_connection')
      AND fee.charged_amount <> fee.standard_amount AND NOT fee.waiver_approved, FALSE
    ) AS is_wrong,
    COALESCE(fee.waiver_approved AND fee.charged_amount < fee.standard_amount, FALSE) AS is_waived,
    COALESCE(
      fee.paid_amount < fee.charged_amount AND DATE_DIFF('day', fee.charged_on, $as_of) > $grace_days, FALSE
    ) AS is_unpaid
  FROM source.fee
)

SELECT
  judged.fee_id AS subject_id,
  judged.account_id,
  judged.is_wrong OR judged.is_waived OR judged.is_unpaid AS flagged,
  CASE
    WHEN judged.is_wrong OR judged.is_waived THEN judged.standard_amount - judged.charged_amount
    ELSE judged.charged_amount - judged.paid_amount
  END AS at_stake_amount,
  CONCAT_WS(
    ', ',
    CASE WHEN judged.is_wrong THEN 'charged differs from standard' END,
    CASE WHEN judged.is_waived THEN 'waived' END,
    CASE WHEN judged.is_unpaid THEN 'not paid in time' END
  ) AS problem,
  judged.kind AS fee_kind,
  judged.standard_amount,
  judged.charged_amount,
  judged.paid_amount,
  judged.waiver_approved,
  judged.charged_on,
  $grace_days AS grace_days
FROM judged
