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
WITH fee AS (
  SELECT f.account_id,
         COUNT(*) AS fees,
         COUNT(*) FILTER (WHERE f.charged_amount <> f.standard_amount AND NOT f.waiver_approved) AS wrong,
         MIN(f.fee_id) FILTER (WHERE f.charged_amount <> f.standard_amount AND NOT f.waiver_approved) AS first_wrong_fee_id,
         SUM(f.standard_amount) FILTER (WHERE f.charged_amount <> f.standard_amount AND NOT f.waiver_approved) AS standard_amount,
         SUM(f.charged_amount) FILTER (WHERE f.charged_amount <> f.standard_amount AND NOT f.waiver_approved) AS charged_amount
  FROM source.fee AS f
  WHERE f.kind = 'load_control'
  GROUP BY f.account_id
)
SELECT a.account_id AS subject_id,
       a.account_id,
       a.has_load_control AND (f.account_id IS NULL OR f.wrong > 0) AS flagged,
       f.standard_amount - f.charged_amount AS at_stake_amount,
       COALESCE(f.fees, 0) AS fees,
       COALESCE(f.wrong, 0) AS wrong_fees,
       f.first_wrong_fee_id,
       f.standard_amount,
       f.charged_amount
FROM source.account AS a
LEFT JOIN fee AS f ON f.account_id = a.account_id
WHERE a.has_load_control
