/*
title: One identity number on several customers
zh: 证件号码重复建档
flags_zh: 同一证件号码（字母大写、去除空格后）登记在两个及以上客户名下，逐户列出。
what_to_do:
  en: >-
    Find out whether it is one customer recorded several times or a number entered wrongly; merge the
    records or correct the number.
  zh: 核实是同一客户重复建档还是号码录错：重复建档的合并档案，录错的更正号码。
kind: exception
modes: [nightly]
subject: customer
severity: medium
judges: state
proof: same
flags: >-
  the same id_number (capitals, no blanks) stands on two or more customers; each is flagged.
messages:
  en: "The same identity number is recorded for {customers} customers; one customer should have it."
  zh: "同一证件号码登记在 {customers} 个客户名下，应只登记一个客户。"
*/
SELECT
  identity_number.customer_id AS subject_id,
  identity_number.customer_id,
  COUNT(*) OVER (PARTITION BY identity_number.normalised) >= 2 AS flagged,
  COUNT(*) OVER (PARTITION BY identity_number.normalised) AS customers,
  MIN(identity_number.customer_id) OVER (PARTITION BY identity_number.normalised) AS first_customer_id
FROM core.identity_number
