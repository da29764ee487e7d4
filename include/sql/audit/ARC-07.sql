/*
title: One phone number on many customers
zh: 联系电话重复
flags_zh: 同一手机号码登记在超过 max_customers 个客户名下，逐户列出。
what_to_do:
  en: >-
    Ask the customers for their own numbers and enter them; a number of the staff or of an agent is removed.
  zh: 联系客户补录本人联系电话；属于工作人员或代办人员的号码予以清除。
kind: exception
modes: [nightly]
subject: customer
severity: low
judges: state
proof: same
flags: >-
  the same mobile (of those that have an E.164 form, in that form) stands on more than max_customers
  customers; each is flagged.
params:
  max_customers: {type: integer, default: 5, minimum: 1, doc: Customers that may share one mobile number.}
messages:
  en: "The same mobile number is recorded for {customers} customers; at most {max_customers} are allowed."
  zh: "同一手机号码登记在 {customers} 个客户名下，上限为 {max_customers} 个。"
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
