/*
title: 'Account name differs from the customer''s'
zh: 户名与客户名称不一致
kind: exception
modes: [nightly]
subject: account
severity: low
flags: >-
  account_name and customer.name differ after Unicode NFKC, case folding and removal of all characters of
  the categories P, S and Z.
messages:
  en: "The account's name differs from that of customer {compared_customer_id}."
  zh: "户名与客户 {compared_customer_id} 的名称不一致。"
*/
SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  account_key.key <> customer_key.key
  AND REGEXP_MATCHES(live_account.account_name, '[^\s\p{Z}]')
  AND REGEXP_MATCHES(customer.name, '[^\s\p{Z}]') AS flagged,
  live_account.customer_id AS compared_customer_id
FROM core.live_account
LEFT JOIN source.customer ON customer.customer_id = live_account.customer_id
LEFT JOIN core.text_key AS account_key ON account_key.raw = live_account.account_name
LEFT JOIN core.text_key AS customer_key ON customer_key.raw = customer.name
