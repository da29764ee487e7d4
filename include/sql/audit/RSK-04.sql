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
SELECT
  arrears_score.account_id AS subject_id,
  arrears_score.account_id,
  arrears_score.band = 5 AS flagged,
  MONEY(arrears_score.probability * account_unpaid.mean_monthly_amount) AS at_stake_amount,
  arrears_score.probability,
  arrears_score.band,
  arrears_score.reasons,
  arrears_score.reasons_zh,
  account_unpaid.mean_monthly_amount
FROM segment.arrears_score
LEFT JOIN facts.account_unpaid ON account_unpaid.account_id = arrears_score.account_id
