/*
title: Likely not to pay
zh: 高欠费风险客户
flags_zh: 欠费评分将账户列入最高风险等级。
what_to_do:
  en: >-
    Call on the customer before the next bill is due; offer debit or part payments, and ask for a security
    where the reasons stay.
  zh: 在下期账单到期前走访客户，引导办理代扣或分次结算；风险持续的要求提供担保。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: state
proof: same
moves: [probability, mean_monthly_amount]
flags: the arrears score puts the account in its highest band; the evidence gives the reasons.
at_stake: probability x mean monthly net total
messages:
  en:
    - "The next bill is not paid in time with a probability of {probability}: {reasons}."
    - "The next bill is not paid in time with a probability of {probability}."
  zh:
    - "预测欠费概率 {probability}，原因：{reasons_zh}。"
    - "预测欠费概率 {probability}。"
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
