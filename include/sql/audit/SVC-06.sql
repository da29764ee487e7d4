/*
title: Complains again
zh: 重复投诉
flags_zh: 同一账户在审核日前 window_days 天内投诉 min_times 次及以上。
what_to_do:
  en: Have a manager call on the customer, find the common cause of the complaints and mend it.
  zh: 由客户经理或负责人上门走访，查明共性原因并彻底解决。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: state
proof: none
moves: [complaints, first_opened_at, first_call_id]
window: {on: last_opened_at, within: window_days, unit: days}
flags: >-
  min_times or more complaints of one account opened within window_days before as_of.
params:
  min_times: {type: integer, default: 2, minimum: 1, doc: Complaints that make a repeated one.}
  window_days: {type: integer, default: 90, minimum: 0, doc: Days before as_of that are looked at.}
messages:
  en: "The account complained {complaints} times in {window_days} days, last at {last_opened_at}; from {min_times} times it is looked into."
  zh: "该户 {window_days} 天内投诉 {complaints} 次，最近一次为 {last_opened_at}；达到 {min_times} 次即应跟踪处理。"
*/
SELECT
  service_call.account_id AS subject_id,
  service_call.account_id,
  COUNT(*) >= $min_times AS flagged,
  COUNT(*) AS complaints,
  $min_times AS min_times,
  $window_days AS window_days,
  MIN(service_call.opened_at) AS first_opened_at,
  MAX(service_call.opened_at) AS last_opened_at,
  MIN(service_call.call_id) AS first_call_id
FROM source.service_call
INNER JOIN source.account ON account.account_id = service_call.account_id
WHERE
  service_call.kind = 'complaint'
  AND DATE_DIFF('day', CAST(service_call.opened_at AS DATE), $as_of) <= $window_days
GROUP BY service_call.account_id
