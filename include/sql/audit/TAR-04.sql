/*
title: Bill jumps
zh: 电费突增突减
flags_zh: 审核月电费与前 6 个月（至少 3 个月）中位数之差，既超过中位数的 max_change，又超过 min_amount；上述月份有暂停的除外。
what_to_do:
  en: Compare energy, tariff and lines of the bill with those before; bill anew where one is wrong.
  zh: 与前期账单对比电量、电价和分项电费，有误的更正退补。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: month
proof: same
effect_of: [TAR-20, TAR-24, TAR-03]
flags: >-
  net total_amount of P differs from the median of the 6 periods before it (at least 3) by more than max_change of that median
  and by more than min_amount; accounts not suspended on any day of P or of those periods. Where billing_months is
  above 1, the amount per bill day is compared, and the difference taken times the bill days of P.
params:
  max_change: {type: number, default: 0.5, minimum: 0, doc: Share of the median.}
  min_amount: {type: map, columns: {usage_category: string, min_amount: double}, default: {residential: 150, default: 2000}, doc: Smallest difference looked at; default is for all other categories.}
messages:
  en: "{total_amount} was billed where the median of the {periods_before} months before is {median_amount}; changes of up to {max_change} or {min_amount} are passed over."
  zh: "本月电费 {total_amount} 元，前 {periods_before} 个月中位数 {median_amount} 元，允许变化 {max_change} 或 {min_amount} 元。"
*/
SELECT
  bill_before.account_id AS subject_id,
  bill_before.account_id,
  CASE WHEN bill_before.periods_before < 3 THEN 'fewer_than_3_periods_before' END AS not_checked,
  bill_before.periods_before >= 3
  AND ROUND(ABS(CAST(bill_net.total_amount AS DOUBLE) - bill_before.median_amount), 6)
  > ROUND($max_change * ABS(bill_before.median_amount), 6)
  AND ROUND(ABS(CAST(bill_net.total_amount AS DOUBLE) - bill_before.median_amount), 6)
  > COALESCE(category_min.min_amount, default_min.min_amount)
  * COALESCE(billing_cycle.billing_months, 1) AS flagged,
  bill_net.total_amount,
  bill_before.median_amount,
  bill_before.periods_before,
  ROUND(CAST(bill_net.total_amount AS DOUBLE) - bill_before.median_amount, 6) AS difference_amount,
  $max_change AS max_change,
  COALESCE(category_min.min_amount, default_min.min_amount)
  * COALESCE(billing_cycle.billing_months, 1) AS min_amount
FROM facts.bill_before
JOIN facts.bill_net ON bill_net.account_id = bill_before.account_id AND bill_net.period = $period
JOIN source.account ON account.account_id = bill_before.account_id
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = bill_before.account_id
LEFT JOIN param.min_amount AS category_min ON category_min.usage_category = account.usage_category
LEFT JOIN param.min_amount AS default_min ON default_min.usage_category = 'default'
WHERE NOT bill_before.suspended_any AND COALESCE(billing_cycle.is_due, TRUE)
