/*
title: One phone number on many customers
zh: 联系电话重复
kind: exception
modes: [nightly]
subject: customer
severity: low
flags: >-
  the same mobile (of those that have an E.164 form, in that form) stands on more than max_customers
  customers; each is flagged.
params:
  max_customers: {type: integer, default: 5, minimum: 1, doc: Customers that may share one mobile number.}
messages:
  en: "{customers} customers have this mobile number, the first is {first_customer_id}."
  zh: "同一手机号码登记 {customers} 户，首户 {first_customer_id}。"
*/
SELECT
  customer.customer_id AS subject_id,
  customer.customer_id,
  COUNT(*) OVER (PARTITION BY phone.e164) > $max_customers AS flagged,
  COUNT(*) OVER (PARTITION BY phone.e164) AS customers,
  MIN(customer.customer_id) OVER (PARTITION BY phone.e164) AS first_customer_id,
  $max_customers AS max_customers
FROM source.customer
INNER JOIN core.phone ON phone.raw = customer.mobile
WHERE phone.e164 IS NOT NULL
