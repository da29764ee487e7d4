/*
title: Works materials not entered
zh: 工程材料信息未录入
kind: exception
modes: [online, nightly]
subject: order
severity: low
flags: >-
  needs_customer_works and not works_materials_entered.
messages:
  en: "The materials of the customer's works are not entered."
  zh: "受电工程材料信息未录入。"
*/
SELECT o.order_id AS subject_id,
       o.account_id,
       o.needs_customer_works AND NOT o.works_materials_entered AS flagged,
       o.needs_customer_works,
       o.works_materials_entered
FROM core.open_application AS o
