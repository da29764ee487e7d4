/*
title: Identity number fails its check digit
zh: 证件号码校验不通过
kind: exception
modes: [nightly]
subject: customer
severity: medium
flags: >-
  an 18-character id_number that is neither a valid resident identity number (GB 11643, ISO 7064 MOD 11-2)
  for a person nor a valid unified social credit code (GB 32100, MOD 31) for an organisation (letters in
  capitals, the date of birth a real date); or one of any other length, as written.
messages:
  en: "The identity number of {characters} characters is not valid for a {customer_kind}."
  zh: "证件号码（{characters} 位）对 {customer_kind} 无效。"
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
