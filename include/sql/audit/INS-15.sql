/*
title: Generates at night or above its size
zh: 光伏发电异常
flags_zh: 发电机均为光伏的账户：审核月 22 时至次日 4 时实测上网电量超过 min_kwh；或区间上网功率超过 max_share × 光伏总额定容量。
what_to_do:
  en: >-
    See on site whether there is storage or another generator, or more panels than registered; correct the
    file and settle the energy fed in.
  zh: 现场核查是否私接储能、其他电源或超备案增容，更正档案并清算上网电费。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: month
proof: next
site: true
flags: >-
  all generators have operating_mode pv: measured export between 22:00 and 04:00 of P above min_kwh; or an interval's export
  demand above max_share x their summed rated_kva.
params:
  min_kwh: {type: number, default: 1, minimum: 0, doc: 'Energy given to the network at night that does not count yet.'}
  max_share: {type: number, default: 1.1, minimum: 0, doc: 'Highest power given to the network over the rated power of all generators.'}
messages:
  en:
    - "{flagged_night_kwh} kWh were given to the network between 22:00 and 4:00 by an account that has solar panels alone; up to {min_kwh} kWh are passed over."
    - "Up to {export_kw} kW were given to the network; the solar panels are rated {rated_kva} kVA, and {highest_kw} kW is the limit."
    - "Up to {export_kw} kW were given to the network; the solar panels are rated {rated_kva} kVA."
  zh:
    - "仅有光伏的客户 22 时至次日 4 时反向送电 {flagged_night_kwh} kWh，限值 {min_kwh} kWh。"
    - "反向送电最大功率 {export_kw} kW，光伏额定容量 {rated_kva} kVA，限值 {highest_kw} kW。"
    - "反向送电最大功率 {export_kw} kW，光伏额定容量 {rated_kva} kVA。"
*/
WITH generator AS (
  SELECT
    customer_equipment.account_id,
    COUNT(*) AS generators,
    CASE WHEN COUNT(customer_equipment.rated_kva) = COUNT(*) THEN EXACT_SUM(customer_equipment.rated_kva) END
      AS rated_kva
  FROM source.customer_equipment
  WHERE customer_equipment.kind = 'generator'
  GROUP BY customer_equipment.account_id
  HAVING COUNT(*) = COUNT(*) FILTER (WHERE LOWER(TRIM(customer_equipment.operating_mode)) = 'pv')
),

provided AS (
  SELECT COUNT(*) > 0 AS is_provided FROM facts.export_daily
)

SELECT
  generator.account_id AS subject_id,
  generator.account_id,
  ROUND(account_export.night_export_kwh - $min_kwh, 6) > 0
  OR ROUND(account_export.export_kw - $max_share * generator.rated_kva, 6) > 0 AS flagged,
  CASE WHEN NOT provided.is_provided THEN 'not_provided' END AS not_checked,
  account_export.night_export_kwh,
  CASE WHEN ROUND(account_export.night_export_kwh - $min_kwh, 6) > 0 THEN account_export.night_export_kwh END
    AS flagged_night_kwh,
  $min_kwh AS min_kwh,
  account_export.export_kw,
  generator.rated_kva,
  ROUND($max_share * generator.rated_kva, 6) AS highest_kw,
  account_export.interval_export_kwh,
  generator.generators
FROM generator
LEFT JOIN facts.account_export ON account_export.account_id = generator.account_id
CROSS JOIN provided
