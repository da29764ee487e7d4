/*
title: 'Account name differs from the customer''s'
zh: 户名与客户名称不一致
flags_zh: 户名与客户名称在统一全角半角、大小写并去除标点、符号和空格后仍不一致。
what_to_do:
  en: >-
    Find out which name is right. A change of holder goes through a transfer; a slip is corrected in the
    file.
  zh: 核实正确名称：用电主体已变更的办理过户，录入有误的更正档案。
kind: exception
modes: [nightly]
subject: account
severity: low
judges: state
proof: same
flags: >-
  account_name and customer.name differ after Unicode NFKC, case folding and removal of all characters of
  the categories P, S and Z.
messages:
  en: "The name of the account differs from that of the customer who holds it."
  zh: "户名与所属客户的名称不一致。"
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
