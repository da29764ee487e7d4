/*
title: Load control device missing
zh: 未配置负荷控制设备
flags_zh: 办理后容量不低于规定容量（min_kva），而未配置负荷控制装置。
what_to_do:
  en: Plan the device into the works and install it before the account is energized; enter it in the file.
  zh: 将负荷控制装置纳入受电工程，送电前安装到位并录入档案。
kind: exception
modes: [online, nightly]
subject: order
severity: medium
judges: state
proof: same
flags: >-
  the capacity after the order is at least min_kva and not has_load_control.
params:
  min_kva: {type: number, default: 100, minimum: 0, doc: Smallest capacity in kVA that asks for the device.}
messages:
  en: "No load control device at {capacity_after_kva} kVA after the order[ (contracted {contracted_kva} kVA)]; from {min_kva} kVA one is due."
  zh: "报装后容量 {capacity_after_kva} kVA[（合同容量 {contracted_kva} kVA）]，未配置负荷控制设备（{min_kva} kVA 及以上须配置）。"
*/
SELECT
  capacity_after_order.order_id AS subject_id,
  capacity_after_order.account_id,
  capacity_after_order.capacity_after_kva >= $min_kva AND NOT account.has_load_control AS flagged,
  capacity_after_order.contracted_kva,
  capacity_after_order.capacity_after_kva,
  $min_kva AS min_kva,
  account.has_load_control
FROM core.capacity_after_order
INNER JOIN source.account ON account.account_id = capacity_after_order.account_id
