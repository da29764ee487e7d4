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
SELECT a.account_id AS subject_id,
       a.account_id,
       n.billed_kwh > $max_kwh AS flagged,
       n.billed_kwh,
       $max_kwh AS max_kwh
FROM source.account AS a
JOIN facts.bill_net AS n ON n.account_id = a.account_id AND n.period = $period
WHERE a.usage_category = 'residential'
