/*
title: 'Supply voltage, metering voltage and tariff disagree'
zh: 供电电压、计量电压与电价代码关系错误
kind: exception
modes: [online, nightly]
subject: order
severity: high
flags: >-
  metering_mode hv_hv without supply_kv and metering_kv both at least 1; hv_lv without supply_kv at least
  1 and metering_kv below 1; lv_lv without supply_kv below 1; or supply_kv outside min_kv..max_kv of the
  tariff.
messages:
  en:
    - "Supply {supply_kv} kV, metering {metering_kv} kV ({metering_mode}) and tariff {tariff_code} ({min_kv} to {max_kv} kV) do not agree."
    - "Supply {supply_kv} kV and metering {metering_kv} kV ({metering_mode}) do not agree."
    - "Supply {supply_kv} kV ({metering_mode}) and tariff {tariff_code} ({min_kv} to {max_kv} kV) do not agree."
    - "Supply {supply_kv} kV does not agree with: {metering_mode}."
  zh:
    - "供电电压 {supply_kv} kV、计量电压 {metering_kv} kV（{metering_mode}）与电价 {tariff_code}（{min_kv} 至 {max_kv} kV）不一致。"
    - "供电电压 {supply_kv} kV 与计量电压 {metering_kv} kV（{metering_mode}）不一致。"
    - "供电电压 {supply_kv} kV（{metering_mode}）与电价 {tariff_code}（{min_kv} 至 {max_kv} kV）不一致。"
    - "供电电压 {supply_kv} kV 与计量方式（{metering_mode}）不一致。"
*/
SELECT o.order_id AS subject_id,
       o.account_id,
       COALESCE(CASE a.metering_mode
                  WHEN 'hv_hv' THEN NOT (a.supply_kv >= 1 AND a.metering_kv >= 1)
                  WHEN 'hv_lv' THEN NOT (a.supply_kv >= 1 AND a.metering_kv < 1)
                  WHEN 'lv_lv' THEN NOT (a.supply_kv < 1) END, FALSE)
         OR COALESCE(a.supply_kv < t.min_kv, FALSE)
         OR COALESCE(a.supply_kv > t.max_kv, FALSE) AS flagged,
       a.metering_mode,
       a.supply_kv,
       a.metering_kv,
       a.tariff_code,
       t.min_kv,
       t.max_kv
FROM core.open_application AS o
INNER JOIN source.account AS a ON a.account_id = o.account_id
LEFT JOIN source.tariff AS t ON t.tariff_code = a.tariff_code
