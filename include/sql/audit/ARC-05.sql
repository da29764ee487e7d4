/*
title: Identity number fails its check digit
zh: 证件号码校验不通过
flags_zh: 18 位证件号码既不是有效的居民身份证号码（个人），也不是有效的统一社会信用代码（单位）；或号码不是 18 位。
what_to_do:
  en: Ask the customer for the document, enter the number as it stands there and have the record verified.
  zh: 请客户出示证件，按原件更正证件号码并完成实名核验。
kind: exception
modes: [nightly]
subject: customer
severity: medium
judges: state
proof: same
flags: >-
  an 18-character id_number that is neither a valid resident identity number (GB 11643, ISO 7064 MOD 11-2)
  for a person nor a valid unified social credit code (GB 32100, MOD 31) for an organisation (letters in
  capitals, the date of birth a real date); or one of any other length, as written.
messages:
  en: "The identity number has {characters} characters and is not valid for a customer that is {customer_kind}."
  zh: "证件号码共 {characters} 位，对{customer_kind}客户无效。"
*/
SELECT
  identity_number.customer_id AS subject_id,
  identity_number.customer_id,
  NOT(
    COALESCE(customer.kind = 'person' AND identity_number.is_resident_number, FALSE)
    OR COALESCE(customer.kind = 'organisation' AND identity_number.is_credit_code, FALSE)
  ) AS flagged,
  customer.kind AS customer_kind,
  LENGTH(identity_number.id_number) AS characters,
  identity_number.is_resident_number,
  identity_number.is_credit_code
FROM core.identity_number
INNER JOIN source.customer ON customer.customer_id = identity_number.customer_id
