/*
title: Complains again
zh: 重复投诉
kind: exception
modes: [nightly]
subject: account
severity: high
flags: >-
  min_times or more complaints of one account opened within window_days before as_of.
params:
  min_times: {type: integer, default: 2, minimum: 1, doc: Complaints that make a repeated one.}
  window_days: {type: integer, default: 90, minimum: 0, doc: Days before as_of that are looked at.}
messages:
  en: "{complaints} complaints in {window_days} days."
  zh: "{window_days} 天内投诉 {complaints} 次。"
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
