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
SELECT a.account_id AS subject_id,
       a.account_id,
       k.key <> n.key AND REGEXP_MATCHES(a.account_name, '[^\s\p{Z}]') AND REGEXP_MATCHES(c.name, '[^\s\p{Z}]') AS flagged,
       a.customer_id AS compared_customer_id
FROM core.live_account AS a
LEFT JOIN source.customer AS c ON c.customer_id = a.customer_id
LEFT JOIN core.text_key AS k ON k.raw = a.account_name
LEFT JOIN core.text_key AS n ON n.raw = c.name
