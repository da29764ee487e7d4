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
SELECT a.account_id AS subject_id,
       a.account_id,
       a.has_load_control AND (f.account_id IS NULL OR f.wrong_fees > 0) AS flagged,
       f.standard_amount - f.charged_amount AS at_stake_amount,
       COALESCE(f.fees, 0) AS fees,
       COALESCE(f.wrong_fees, 0) AS wrong_fees,
       f.first_wrong_fee_id,
       f.standard_amount,
       f.charged_amount
FROM source.account AS a
LEFT JOIN core.fee_check AS f ON f.account_id = a.account_id AND f.fee_kind = 'load_control'
WHERE a.has_load_control
