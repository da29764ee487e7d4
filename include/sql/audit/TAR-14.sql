/*
title: Residential use above the limit
zh: 居民用电量超限值
kind: exception
modes: [nightly]
subject: account
severity: low
flags: usage_category residential and net billed_kwh of P above max_kwh.
params:
  max_kwh: {type: number, default: 3000, minimum: 0, doc: kWh a month that a household may use.}
messages:
  en: "{billed_kwh} kWh were billed to a residential account."
  zh: "居民客户当月计费电量 {billed_kwh} kWh。"
*/
SELECT
  account.account_id AS subject_id,
  account.account_id,
  bill_net.billed_kwh > $max_kwh AS flagged,
  bill_net.billed_kwh,
  $max_kwh AS max_kwh
FROM source.account
JOIN facts.bill_net ON bill_net.account_id = account.account_id AND bill_net.period = $period
WHERE account.usage_category = 'residential'
