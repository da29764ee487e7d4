/*
title: Required fields missing
zh: 档案记录不齐全
kind: exception
modes: [nightly]
subject: account
severity: medium
flags: >-
  blank: tariff_code, reading_area_id, service_address, metering_kv, the customer's name or id_number, both
  mobile and phone; or no main metering point; or no supply point. The evidence names each missing field.
messages:
  en: "Missing: {missing}."
  zh: 缺少：{missing}。
*/
WITH main_point AS (
  SELECT DISTINCT m.account_id FROM source.metering_point AS m WHERE m.role = 'main'
),
supplied AS (
  SELECT DISTINCT s.account_id FROM source.supply_point AS s
),
judged AS (
  SELECT a.account_id,
         c.customer_id,
         CONCAT_WS(', ',
           CASE WHEN REGEXP_MATCHES(a.tariff_code, '[^\s\p{Z}]') THEN NULL ELSE 'tariff_code' END,
           CASE WHEN REGEXP_MATCHES(a.reading_area_id, '[^\s\p{Z}]') THEN NULL ELSE 'reading_area_id' END,
           CASE WHEN REGEXP_MATCHES(a.service_address, '[^\s\p{Z}]') THEN NULL ELSE 'service_address' END,
           CASE WHEN a.metering_kv IS NULL THEN 'metering_kv' END,
           CASE WHEN REGEXP_MATCHES(c.name, '[^\s\p{Z}]') THEN NULL ELSE 'name' END,
           CASE WHEN REGEXP_MATCHES(c.id_number, '[^\s\p{Z}]') THEN NULL ELSE 'id_number' END,
           CASE WHEN REGEXP_MATCHES(c.mobile, '[^\s\p{Z}]') OR REGEXP_MATCHES(c.phone, '[^\s\p{Z}]') THEN NULL
                ELSE 'mobile and phone' END,
           CASE WHEN m.account_id IS NULL THEN 'main metering point' END,
           CASE WHEN s.account_id IS NULL THEN 'supply point' END) AS missing
  FROM core.live_account AS a
  LEFT JOIN source.customer AS c ON c.customer_id = a.customer_id
  LEFT JOIN main_point AS m ON m.account_id = a.account_id
  LEFT JOIN supplied AS s ON s.account_id = a.account_id
)
SELECT j.account_id AS subject_id,
       j.account_id,
       j.missing <> '' AS flagged,
       j.missing,
       j.customer_id AS customer
FROM judged AS j
