/*
title: Required fields missing
zh: 档案记录不齐全
flags_zh: 下列任一项为空：电价、抄表段、用电地址、计量电压、客户名称、证件号码、手机与固定电话（两者均空）；或没有主计量点；或没有供电点。
what_to_do:
  en: >-
    Complete the fields named from the order's documents; what is not there is asked of the customer or
    looked up on site.
  zh: 依据业扩资料补录所列字段；资料中没有的，联系客户或现场核实后补录。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: state
proof: same
flags: >-
  blank: tariff_code, reading_area_id, service_address, metering_kv, the customer's name or id_number, both
  mobile and phone; or no main metering point; or no supply point. The evidence names each missing field.
messages:
  en: "The account's file lacks: {missing}."
  zh: "档案缺少：{missing}。"
*/
WITH main_point AS (
  SELECT DISTINCT metering_point.account_id FROM source.metering_point WHERE metering_point.role = 'main'
),

supplied AS (
  SELECT DISTINCT supply_point.account_id FROM source.supply_point
),

judged AS (
  SELECT
    live_account.account_id,
    customer.customer_id,
    CONCAT_WS(
      ', ',
      CASE WHEN REGEXP_MATCHES(live_account.tariff_code, '[^\s\p{Z}]') THEN NULL ELSE 'tariff_code' END,
      CASE
        WHEN REGEXP_MATCHES(live_account.reading_area_id, '[^\s\p{Z}]') THEN NULL ELSE 'reading_area_id'
      END,
      CASE
        WHEN REGEXP_MATCHES(live_account.service_address, '[^\s\p{Z}]') THEN NULL ELSE 'service_address'
      END,
      CASE WHEN live_account.metering_kv IS NULL THEN 'metering_kv' END,
      CASE WHEN REGEXP_MATCHES(customer.name, '[^\s\p{Z}]') THEN NULL ELSE 'name' END,
      CASE WHEN REGEXP_MATCHES(customer.id_number, '[^\s\p{Z}]') THEN NULL ELSE 'id_number' END,
      CASE
        WHEN
          REGEXP_MATCHES(customer.mobile, '[^\s\p{Z}]') OR REGEXP_MATCHES(customer.phone, '[^\s\p{Z}]')
          THEN NULL
        ELSE 'mobile and phone'
      END,
      CASE WHEN main_point.account_id IS NULL THEN 'main metering point' END,
      CASE WHEN supplied.account_id IS NULL THEN 'supply point' END
    ) AS missing
  FROM core.live_account
  LEFT JOIN source.customer ON customer.customer_id = live_account.customer_id
  LEFT JOIN main_point ON main_point.account_id = live_account.account_id
  LEFT JOIN supplied ON supplied.account_id = live_account.account_id
)

SELECT
  judged.account_id AS subject_id,
  judged.account_id,
  judged.missing <> '' AS flagged,
  judged.missing,
  judged.customer_id AS customer
FROM judged
