/*
title: Address not standard
zh: 客户地址不规范
kind: exception
modes: [online, nightly]
subject: order
severity: low
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
