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
SELECT o.order_id AS subject_id,
       a.account_id,
       a.is_temporary AND (f.account_id IS NULL OR f.wrong_fees > 0) AS flagged,
       f.standard_amount - f.charged_amount AS at_stake_amount,
       COALESCE(f.fees, 0) AS fees,
       COALESCE(f.wrong_fees, 0) AS wrong_fees,
       f.first_wrong_fee_id,
       f.standard_amount,
       f.charged_amount
FROM core.open_application AS o
INNER JOIN source.account AS a ON a.account_id = o.account_id
LEFT JOIN core.fee_check AS f ON f.account_id = a.account_id AND f.fee_kind = 'temporary_connection'
