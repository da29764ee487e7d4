/*
title: Exposure too high
zh: 电费敞口过大
flags_zh: 合同容量不低于 min_kva，全部账单未付金额超过前 6 个月（至审核月）月均电费的 max_months 倍。
what_to_do:
  en: >-
    Agree on prepayment, part bills or a security; watch the account weekly until the exposure is below the
    limit.
  zh: 与客户协商预付、分次结算或提供担保，敞口降至限额以下前每周跟踪。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: state
proof: same
effect_of: [COL-03]
moves: [unpaid_amount, mean_monthly_amount, open_months]
flags: >-
  contracted_kva at least min_kva, and the unpaid sum of all bills above max_months times the mean monthly net total of the 6
  periods up to P.
at_stake: the unpaid sum
params:
  min_kva: {type: number, default: 315, minimum: 0, doc: From this capacity on.}
  max_months: {type: number, default: 1.5, minimum: 0, doc: Mean months that may be open.}
messages:
  en: "{unpaid_amount} is unpaid, {open_months} times the mean month of {mean_monthly_amount}; {max_months} times is the limit."
  zh: "未付电费 {unpaid_amount} 元，为月均电费 {mean_monthly_amount} 元的 {open_months} 倍，上限 {max_months} 倍。"
*/
SELECT
  account.account_id AS subject_id,
  account.account_id,
  account_unpaid.unpaid_amount > 0
  AND ROUND(CAST(account_unpaid.unpaid_amount AS DOUBLE), 6)
  > ROUND($max_months * account_unpaid.mean_monthly_amount, 6) AS flagged,
  account_unpaid.unpaid_amount AS at_stake_amount,
  account_unpaid.unpaid_amount,
  account_unpaid.mean_monthly_amount,
  ROUND(RATIO(account_unpaid.unpaid_amount, account_unpaid.mean_monthly_amount), 2) AS open_months,
  account.contracted_kva,
  $max_months AS max_months,
  $min_kva AS min_kva
FROM source.account
LEFT JOIN facts.account_unpaid ON account_unpaid.account_id = account.account_id
WHERE account.contracted_kva >= $min_kva
