/*
title: Likely not to pay
zh: 高欠费风险客户
kind: exception
modes: [nightly]
subject: account
severity: high
flags: the arrears score puts the account in its highest band; the evidence gives the reasons.
at_stake: probability x mean monthly net total
messages:
  en: "Probability {probability} of not paying: {reasons}."
  zh: "欠费概率 {probability}，原因：{reasons_zh}。"
*/
SELECT s.account_id AS subject_id,
       s.account_id,
       s.band = 5 AS flagged,
       MONEY(s.probability * u.mean_monthly_amount) AS at_stake_amount,
       s.probability,
       s.band,
       s.reasons,
       s.reasons_zh,
       u.mean_monthly_amount
FROM segment.arrears_score AS s
LEFT JOIN facts.account_unpaid AS u ON u.account_id = s.account_id
