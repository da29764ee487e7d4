/*
title: One identity number on several customers
zh: 证件号码重复建档
kind: exception
modes: [nightly]
subject: customer
severity: medium
flags: >-
  the same id_number (capitals, no blanks) stands on two or more customers; each is flagged.
messages:
  en: "{customers} customers have this identity number, the first is {first_customer_id}."
  zh: "同一证件号码建档 {customers} 户，首户 {first_customer_id}。"
*/
SELECT
  identity_number.customer_id AS subject_id,
  identity_number.customer_id,
  COUNT(*) OVER (PARTITION BY identity_number.normalised) >= 2 AS flagged,
  COUNT(*) OVER (PARTITION BY identity_number.normalised) AS customers,
  MIN(identity_number.customer_id) OVER (PARTITION BY identity_number.normalised) AS first_customer_id
FROM core.identity_number
