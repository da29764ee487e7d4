/*
title: Contact details incomplete
zh: 客户联系信息不全
kind: exception
modes: [online, nightly]
subject: order
severity: medium
flags: >-
  contact_name is blank, or neither mobile nor phone is a valid number for the utility's country.
messages:
  en: "Contact details are incomplete: {missing}."
  zh: "联系信息不全：{missing}。"
*/
SELECT o.order_id AS subject_id,
       o.account_id,
       a.customer_id,
       NOT COALESCE(REGEXP_MATCHES(c.contact_name, '[^\s\p{Z}]'), FALSE)
         OR (COALESCE(m.is_valid, FALSE) = FALSE AND COALESCE(p.is_valid, FALSE) = FALSE) AS flagged,
       CONCAT_WS(', ',
         CASE WHEN REGEXP_MATCHES(c.contact_name, '[^\s\p{Z}]') THEN NULL ELSE 'contact_name' END,
         CASE WHEN m.is_valid OR p.is_valid THEN NULL ELSE 'valid mobile or phone' END) AS missing,
       COALESCE(m.is_valid, FALSE) AS mobile_is_valid,
       COALESCE(p.is_valid, FALSE) AS phone_is_valid
FROM core.open_application AS o
INNER JOIN source.account AS a ON a.account_id = o.account_id
LEFT JOIN source.customer AS c ON c.customer_id = a.customer_id
LEFT JOIN core.phone AS m ON m.raw = c.mobile
LEFT JOIN core.phone AS p ON p.raw = c.phone
