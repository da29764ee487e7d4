/*
title: 'Supply voltage, metering voltage and tariff disagree'
zh: 供电电压、计量电压与电价代码关系错误
flags_zh: 高供高计而供电电压、计量电压不均在 1 kV 及以上；高供低计而供电电压低于 1 kV 或计量电压不低于 1 kV；低供低计而供电电压不低于 1 kV；或供电电压超出所选电价的电压范围。
what_to_do:
  en: >-
    Establish the voltage of supply and of metering on site; correct the metering mode, the voltages or the
    tariff so that all agree before the account is energized.
  zh: 现场核实供电电压和计量方式，更正计量方式、电压等级或电价，三者一致后方可送电。
kind: exception
modes: [online, nightly]
subject: order
severity: high
judges: state
proof: same
flags: >-
  metering_mode hv_hv without supply_kv and metering_kv both at least 1; hv_lv without supply_kv at least
  1 and metering_kv below 1; lv_lv without supply_kv below 1; or supply_kv outside min_kv..max_kv of the
  tariff.
messages:
  en:
    - "Supply {supply_kv} kV, metering {metering_kv} kV ({metering_mode}) and a tariff for {min_kv} to {max_kv} kV do not agree."
    - "Supply {supply_kv} kV and metering {metering_kv} kV ({metering_mode}) do not agree."
    - "Supply {supply_kv} kV ({metering_mode}) and a tariff for {min_kv} to {max_kv} kV do not agree."
    - "Supply {supply_kv} kV does not agree with: {metering_mode}."
  zh:
    - "供电电压 {supply_kv} kV、计量电压 {metering_kv} kV（{metering_mode}）与电价适用电压（{min_kv} 至 {max_kv} kV）不一致。"
    - "供电电压 {supply_kv} kV 与计量电压 {metering_kv} kV（{metering_mode}）不一致。"
    - "供电电压 {supply_kv} kV（{metering_mode}）与电价适用电压（{min_kv} 至 {max_kv} kV）不一致。"
    - "供电电压 {supply_kv} kV 与计量方式（{metering_mode}）不一致。"
*/
SELECT
  open_application.order_id AS subject_id,
  open_application.account_id,
  COALESCE(CASE account.metering_mode
    WHEN 'hv_hv' THEN NOT (account.supply_kv >= 1 AND account.metering_kv >= 1)
    WHEN 'hv_lv' THEN NOT (account.supply_kv >= 1 AND account.metering_kv < 1)
    WHEN 'lv_lv' THEN NOT (account.supply_kv < 1)
  END, FALSE)
  OR COALESCE(account.supply_kv < tariff.min_kv, FALSE)
  OR COALESCE(account.supply_kv > tariff.max_kv, FALSE) AS flagged,
  account.metering_mode,
  account.supply_kv,
  account.metering_kv,
  account.tariff_code,
  tariff.min_kv,
  tariff.max_kv
FROM core.open_application
INNER JOIN source.account ON account.account_id = open_application.account_id
LEFT JOIN source.tariff ON tariff.tariff_code = account.tariff_code
