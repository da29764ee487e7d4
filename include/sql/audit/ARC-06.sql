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
SELECT i.customer_id AS subject_id,
       i.customer_id,
       COUNT(*) OVER (PARTITION BY i.normalised) >= 2 AS flagged,
       COUNT(*) OVER (PARTITION BY i.normalised) AS customers,
       MIN(i.customer_id) OVER (PARTITION BY i.normalised) AS first_customer_id
FROM core.identity_number AS i
