/*
title: Works materials not entered
zh: 工程材料信息未录入
flags_zh: 有客户受电工程，而工程材料信息未录入。
what_to_do:
  en: >-
    Obtain the materials of the works from the customer or the contractor and enter them before the
    inspection.
  zh: 向客户或施工单位收取受电工程材料信息，竣工检验前完成录入。
kind: exception
modes: [online, nightly]
subject: order
severity: low
judges: state
proof: same
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
