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
SELECT i.customer_id AS subject_id,
       i.customer_id,
       NOT (COALESCE(c.kind = 'person' AND i.is_resident_number, FALSE)
            OR COALESCE(c.kind = 'organisation' AND i.is_credit_code, FALSE)) AS flagged,
       c.kind AS customer_kind,
       LENGTH(i.id_number) AS characters,
       i.is_resident_number,
       i.is_credit_code
FROM core.identity_number AS i
INNER JOIN source.customer AS c ON c.customer_id = i.customer_id
