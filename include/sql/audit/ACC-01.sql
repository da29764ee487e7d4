/*
title: Contact details incomplete
zh: 客户联系信息不全
flags_zh: 联系人姓名为空，或手机、固定电话均不是本国有效号码。
what_to_do:
  en: >-
    Ask the applicant for the contact's name and a valid number and enter them before the order goes on;
    with no answer the order waits.
  zh: 联系申请人补录联系人姓名和有效联系电话，补全前工单不得流转；联系不上的，在工单上注明并挂起。
kind: exception
modes: [online, nightly]
subject: order
severity: medium
judges: state
proof: same
flags: >-
  contact_name is blank, or neither mobile nor phone is a valid number for the utility's country.
messages:
  en: "Contact details are incomplete: {missing}."
  zh: "联系信息不全：{missing}。"
*/
SELECT
  open_application.order_id AS subject_id,
  open_application.account_id,
  account.customer_id,
  NOT COALESCE(REGEXP_MATCHES(customer.contact_name, '[^\s\p{Z}]'), FALSE)
  OR (COALESCE(mobile.is_valid, FALSE) = FALSE AND COALESCE(phone.is_valid, FALSE) = FALSE) AS flagged,
  CONCAT_WS(
    ', ',
    CASE WHEN REGEXP_MATCHES(customer.contact_name, '[^\s\p{Z}]') THEN NULL ELSE 'contact_name' END,
    CASE WHEN mobile.is_valid OR phone.is_valid THEN NULL ELSE 'valid mobile or phone' END
  ) AS missing,
  COALESCE(mobile.is_valid, FALSE) AS mobile_is_valid,
  COALESCE(phone.is_valid, FALSE) AS phone_is_valid
FROM core.open_application
INNER JOIN source.account ON account.account_id = open_application.account_id
LEFT JOIN source.customer ON customer.customer_id = account.customer_id
LEFT JOIN core.phone AS mobile ON mobile.raw = customer.mobile
LEFT JOIN core.phone ON phone.raw = customer.phone
