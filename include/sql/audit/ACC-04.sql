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
  SELECT COUNT(*) AS divisions FROM source.address_reference AS r
)
SELECT o.order_id AS subject_id,
       o.account_id,
       d.raw IS NULL OR d.region_code IS NULL OR COALESCE(d.has_rest, FALSE) = FALSE AS flagged,
       CASE WHEN d.raw IS NOT NULL AND r.divisions = 0 THEN 'no address reference' END AS not_checked,
       CASE WHEN d.raw IS NULL THEN 'blank'
            WHEN d.region_code IS NULL THEN 'starts with no known division'
            WHEN NOT d.has_rest THEN 'nothing follows the division' END AS problem,
       d.region_code
FROM core.open_application AS o
INNER JOIN source.account AS a ON a.account_id = o.account_id
CROSS JOIN reference AS r
LEFT JOIN core.address_check AS d ON d.raw = a.service_address
