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
SELECT
  open_application.order_id AS subject_id,
  open_application.account_id,
  open_application.needs_customer_works AND NOT open_application.works_materials_entered AS flagged,
  open_application.needs_customer_works,
  open_application.works_materials_entered
FROM core.open_application
