/*
title: Temporary-connection fee missing or wrong
zh: 临时接电费执行错误
kind: exception
modes: [online, nightly]
subject: order
severity: high
flags: >-
  is_temporary and there is no temporary_connection fee, or one whose charged_amount differs from
  standard_amount without waiver_approved.
at_stake: standard less charged
messages:
  en:
    - "{fees} such fees are on the account; charged {charged_amount} where the standard is {standard_amount}."
    - "There is no such fee on the account."
  zh:
    - "该类费用 {fees} 笔；应收 {standard_amount}，实收 {charged_amount}。"
    - "未收取该类费用。"
*/
SELECT
  open_application.order_id AS subject_id,
  account.account_id,
  account.is_temporary AND (fee_check.account_id IS NULL OR fee_check.wrong_fees > 0) AS flagged,
  fee_check.standard_amount - fee_check.charged_amount AS at_stake_amount,
  COALESCE(fee_check.fees, 0) AS fees,
  COALESCE(fee_check.wrong_fees, 0) AS wrong_fees,
  fee_check.first_wrong_fee_id,
  fee_check.standard_amount,
  fee_check.charged_amount
FROM core.open_application
INNER JOIN source.account ON account.account_id = open_application.account_id
LEFT JOIN core.fee_check
  ON fee_check.account_id = account.account_id AND fee_check.fee_kind = 'temporary_connection'
