/*
title: Load-control fee not by the schedule
zh: 负荷控制装置收费不符
kind: exception
modes: [nightly]
subject: account
severity: low
flags: >-
  has_load_control and no load_control fee, or one charged differently from standard without
  waiver_approved.
at_stake: standard less charged
messages:
  en: "{fees} such fees are on the account; charged {charged_amount} where the standard is {standard_amount}."
  zh: "该类费用 {fees} 笔；应收 {standard_amount}，实收 {charged_amount}。"
*/
SELECT
  account.account_id AS subject_id,
  account.account_id,
  account.has_load_control AND (fee_check.account_id IS NULL OR fee_check.wrong_fees > 0) AS flagged,
  fee_check.standard_amount - fee_check.charged_amount AS at_stake_amount,
  COALESCE(fee_check.fees, 0) AS fees,
  COALESCE(fee_check.wrong_fees, 0) AS wrong_fees,
  fee_check.first_wrong_fee_id,
  fee_check.standard_amount,
  fee_check.charged_amount
FROM source.account
LEFT JOIN core.fee_check
  ON fee_check.account_id = account.account_id AND fee_check.fee_kind = 'load_control'
WHERE account.has_load_control
