/*
title: Bill jumps
zh: 电费突增突减
kind: exception
modes: [nightly]
subject: account
severity: medium
flags: >-
  net total_amount of P differs from the median of the 6 periods before it (at least 3) by more than max_change of that median
  and by more than min_amount; accounts not suspended on any day of P or of those periods.
params:
  max_change: {type: number, default: 0.5, minimum: 0, doc: Share of the median.}
  min_amount: {type: map, columns: {usage_category: string, min_amount: double}, default: {residential: 150, default: 2000}, doc: Smallest difference looked at; default is for all other categories.}
messages:
  en: "{total_amount} was billed; the months before have a median of {median_amount}."
  zh: "本月电费 {total_amount} 元，前期中位数 {median_amount} 元。"
*/
SELECT b.account_id AS subject_id,
       b.account_id,
       CASE WHEN b.periods_before < 3 THEN 'fewer_than_3_periods_before' END AS not_checked,
       b.periods_before >= 3
         AND ROUND(ABS(CAST(n.total_amount AS DOUBLE) - b.median_amount), 6) > ROUND($max_change * ABS(b.median_amount), 6)
         AND ROUND(ABS(CAST(n.total_amount AS DOUBLE) - b.median_amount), 6) > COALESCE(m.min_amount, d.min_amount) AS flagged,
       n.total_amount,
       b.median_amount,
       b.periods_before,
       ROUND(CAST(n.total_amount AS DOUBLE) - b.median_amount, 6) AS difference_amount,
       $max_change AS max_change,
       COALESCE(m.min_amount, d.min_amount) AS min_amount
FROM facts.bill_before AS b
JOIN facts.bill_net AS n ON n.account_id = b.account_id AND n.period = $period
JOIN source.account AS a ON a.account_id = b.account_id
LEFT JOIN param.min_amount AS m ON m.usage_category = a.usage_category
LEFT JOIN param.min_amount AS d ON d.usage_category = 'default'
WHERE NOT b.suspended_any
