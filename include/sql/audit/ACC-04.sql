/*
title: Address not standard
zh: 客户地址不规范
flags_zh: 用电地址为空；或不以标准行政区划开头（写明市的可省略省，区县名称唯一的可省略省、市）；或最末级行政区划之后没有详细地址。
what_to_do:
  en: >-
    Enter the address from the certificate of ownership or the survey, from the division down to the house
    number.
  zh: 按产权证明或现场勘查结果，从行政区划到门牌号规范录入用电地址。
kind: exception
modes: [online, nightly]
subject: order
severity: low
judges: state
proof: same
flags: >-
  service_address is blank; or does not start with a division known from address_reference (the province
  may be left out where the city is given, both where the district's name is unique); or nothing follows
  the longest division that it starts with.
messages:
  en: "The service address is not standard: {problem}."
  zh: "用电地址不规范（{problem}）。"
*/
WITH reference AS (
  SELECT COUNT(*) AS divisions FROM source.address_reference
)

SELECT
  open_application.order_id AS subject_id,
  open_application.account_id,
  address_check.raw IS NULL
  OR address_check.region_code IS NULL
  OR COALESCE(address_check.has_rest, FALSE) = FALSE AS flagged,
  CASE WHEN address_check.raw IS NOT NULL AND reference.divisions = 0 THEN 'no address reference' END
    AS not_checked,
  CASE
    WHEN address_check.raw IS NULL THEN 'blank'
    WHEN address_check.region_code IS NULL THEN 'starts with no known division'
    WHEN NOT address_check.has_rest THEN 'nothing follows the division'
  END AS problem,
  address_check.region_code
FROM core.open_application
INNER JOIN source.account ON account.account_id = open_application.account_id
CROSS JOIN reference
LEFT JOIN core.address_check ON address_check.raw = account.service_address
