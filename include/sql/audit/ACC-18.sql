/*
title: Load control device missing
zh: 未配置负荷控制设备
kind: exception
modes: [online, nightly]
subject: order
severity: medium
flags: >-
  contracted_kva at least min_kva and not has_load_control.
params:
  min_kva: {type: number, default: 100, minimum: 0, doc: Smallest capacity in kVA that asks for the device.}
messages:
  en: "No load control device at {contracted_kva} kVA; from {min_kva} kVA one is due."
  zh: "容量 {contracted_kva} kVA 未配置负荷控制设备（{min_kva} kVA 及以上须配置）。"
*/
SELECT
  open_application.order_id AS subject_id,
  open_application.account_id,
  account.contracted_kva >= $min_kva AND NOT account.has_load_control AS flagged,
  account.contracted_kva,
  $min_kva AS min_kva,
  account.has_load_control
FROM core.open_application
INNER JOIN source.account ON account.account_id = open_application.account_id
