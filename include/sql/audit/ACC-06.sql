/*
title: Equipment list missing
zh: 未提供动力设备清单
flags_zh: 供电电压不低于规定电压（min_kv），而未提供用电设备清单。
what_to_do:
  en: >-
    Ask for the list of equipment, check the capacity and disturbing loads against it, and file it with the
    order.
  zh: 请客户提供用电设备清单，据以核对报装容量及冲击、谐波等特殊负荷，并随工单归档。
kind: exception
modes: [online, nightly]
subject: order
severity: medium
judges: state
proof: same
flags: >-
  supply_kv is at least min_kv and equipment_list_provided is false.
params:
  min_kv: {type: number, default: 10, minimum: 0, doc: Lowest supply voltage in kV that asks for the list.}
messages:
  en: "No equipment list was handed in; at {supply_kv} kV one is due."
  zh: "{supply_kv} kV 供电须提供动力设备清单，尚未提供。"
*/
SELECT
  open_application.order_id AS subject_id,
  open_application.account_id,
  account.supply_kv >= $min_kv AND NOT open_application.equipment_list_provided AS flagged,
  account.supply_kv,
  $min_kv AS min_kv,
  open_application.equipment_list_provided
FROM core.open_application
INNER JOIN source.account ON account.account_id = open_application.account_id
