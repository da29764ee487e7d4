/*
title: Consumption jumps
zh: 电量突增突减
flags_zh: 审核月计费电量与前 6 个月（至少 3 个月）中位数之差，既超过中位数的 max_change，又超过 min_kwh；上述月份有暂停的除外。
what_to_do:
  en: >-
    Read the meter again and compare what the customer did in the month; where the reading holds, note the
    reason.
  zh: 复抄核实并了解客户当月用电变化；示数无误的注明原因，有误的更正退补。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: month
proof: same
effect_of: [TAR-20, TAR-24]
flags: >-
  net billed_kwh of P differs from the median of the 6 periods before it (at least 3) by more than max_change of that median and
  by more than min_kwh; accounts not suspended on any day of P or of those periods.
  Where billing_months is above 1, energy per bill day is compared, and the difference taken times the bill days of P.
params:
  max_change: {type: number, default: 0.5, minimum: 0, doc: Share of the median.}
  min_kwh: {type: map, columns: {usage_category: string, min_kwh: double}, default: {residential: 200, default: 2000}, doc: Smallest difference looked at; default is for all other categories.}
messages:
  en: "{billed_kwh} kWh were billed where the median of the {periods_before} months before is {median_kwh} kWh; changes of up to {max_change} or {min_kwh} kWh are passed over."
  zh: "本月计费电量 {billed_kwh} kWh，前 {periods_before} 个月中位数 {median_kwh} kWh，允许变化 {max_change} 或 {min_kwh} kWh。"
*/
SELECT
  bill_before.account_id AS subject_id,
  bill_before.account_id,
  CASE WHEN bill_before.periods_before < 3 THEN 'fewer_than_3_periods_before' END AS not_checked,
  bill_before.periods_before >= 3
  AND ROUND(ABS(bill_net.billed_kwh - bill_before.median_kwh), 6)
  > ROUND($max_change * ABS(bill_before.median_kwh), 6)
  AND ROUND(ABS(bill_net.billed_kwh - bill_before.median_kwh), 6)
  > COALESCE(category_min.min_kwh, default_min.min_kwh)
  * COALESCE(billing_cycle.billing_months, 1) AS flagged,
  bill_net.billed_kwh,
  bill_before.median_kwh,
  bill_before.periods_before,
  ROUND(bill_net.billed_kwh - bill_before.median_kwh, 6) AS difference_kwh,
  $max_change AS max_change,
  COALESCE(category_min.min_kwh, default_min.min_kwh) * COALESCE(billing_cycle.billing_months, 1) AS min_kwh
FROM facts.bill_before
JOIN facts.bill_net ON bill_net.account_id = bill_before.account_id AND bill_net.period = $period
JOIN source.account ON account.account_id = bill_before.account_id
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = bill_before.account_id
LEFT JOIN param.min_kwh AS category_min ON category_min.usage_category = account.usage_category
LEFT JOIN param.min_kwh AS default_min ON default_min.usage_category = 'default'
WHERE NOT bill_before.suspended_any AND COALESCE(billing_cycle.is_due, TRUE)
