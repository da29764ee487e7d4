/*
title: High-reliability fee missing or wrong
zh: 高可靠性供电费执行错误
flags_zh: 双电源客户未收取高可靠性供电费，或未经减免审批而应收与标准不符。
what_to_do:
  en: >-
    Calculate the fee by the published standard and collect or refund the difference; where it is waived,
    file the approval.
  zh: 按公布的标准核定高可靠性供电费，补收或退还差额；确属减免的，补齐审批手续。
kind: exception
modes: [online, nightly]
subject: order
severity: high
judges: state
proof: same
flags: >-
  is_dual_supply and there is no high_reliability fee, or one whose charged_amount differs from
  standard_amount without waiver_approved.
at_stake: standard less charged
messages:
  en:
    - "High-reliability fees on the account: {fees}; charged {charged_amount}, the standard is {standard_amount}."
    - "There is no high-reliability fee on the account."
  zh:
    - "高可靠性供电费 {fees} 笔；应收 {standard_amount} 元，实收 {charged_amount} 元。"
    - "未收取高可靠性供电费。"
*/
SELECT
  open_application.order_id AS subject_id,
  account.account_id,
  account.is_dual_supply AND (fee_check.account_id IS NULL OR fee_check.wrong_fees > 0) AS flagged,
  fee_check.standard_amount - fee_check.charged_amount AS at_stake_amount,
  COALESCE(fee_check.fees, 0) AS fees,
  COALESCE(fee_check.wrong_fees, 0) AS wrong_fees,
  fee_check.first_wrong_fee_id,
  fee_check.standard_amount,
  fee_check.charged_amount
FROM core.open_application
INNER JOIN source.account ON account.account_id = open_application.account_id
LEFT JOIN core.fee_check
  ON fee_check.account_id = account.account_id AND fee_check.fee_kind = 'high_reliability'
