/*
title: Residential use above the limit
zh: 居民用电量超限值
flags_zh: 居民用电账户审核月计费电量超过 max_kwh。
what_to_do:
  en: Check the reading, then see on site whether there is a business or a charging point.
  zh: 先核实示数，再现场核查是否从事经营或装有充电设施。
kind: exception
modes: [nightly]
subject: account
severity: low
judges: month
proof: next
flags: usage_category residential and net billed_kwh of P above max_kwh.
params:
  max_kwh: {type: number, default: 3000, minimum: 0, doc: kWh a month that a household may use.}
messages:
  en: "{billed_kwh} kWh were billed to a residential account; up to {max_kwh} kWh is usual."
  zh: "居民用电账户当月计费电量 {billed_kwh} kWh，限值 {max_kwh} kWh。"
*/
SELECT
  account.account_id AS subject_id,
  account.account_id,
  ROUND(bill_net.billed_kwh, 6) > ROUND($max_kwh * COALESCE(billing_cycle.billing_months, 1), 6) AS flagged,
  bill_net.billed_kwh,
  ROUND($max_kwh * COALESCE(billing_cycle.billing_months, 1), 6) AS max_kwh
FROM source.account
JOIN facts.bill_net ON bill_net.account_id = account.account_id AND bill_net.period = $period
LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = account.account_id
WHERE account.usage_category = 'residential' AND COALESCE(billing_cycle.is_due, TRUE)
