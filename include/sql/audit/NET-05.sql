/*
title: Transformer overloaded
zh: 配变重过载
flags_zh: 台区考核点审核月内的最大区间负荷（kW）超过 max_load × 变压器额定容量。
what_to_do:
  en: Balance or move load to a neighbouring area, or put the transformer into the plan of reinforcement.
  zh: 调整负荷或切改台区；持续重过载的列入增容改造计划。
kind: exception
modes: [nightly]
subject: transformer
severity: medium
judges: month
proof: next
site: true
flags: >-
  the area point's highest interval demand in P, in kW, above max_load x rated_kva.
params:
  max_load: {type: number, default: 1.0, minimum: 0, doc: 'Highest demand in kW for each rated kVA.'}
messages:
  en: "The highest load of the month was {highest_kw} kW on a transformer of {rated_kva} kVA, above {max_load} of it."
  zh: "当月最大负荷 {highest_kw} kW，变压器容量 {rated_kva} kVA，负载率超过 {max_load}。"
*/
SELECT
  transformer.transformer_id AS subject_id,
  transformer.account_id,
  transformer.org_unit_id,
  ROUND(interval_period.max_kw - $max_load * transformer.rated_kva, 6) > 0 AS flagged,
  CASE
    WHEN interval_period.max_kw IS NULL THEN 'no_intervals' WHEN
      transformer.rated_kva IS NULL
      THEN 'no_rated_kva'
  END AS not_checked,
  interval_period.max_kw AS highest_kw,
  transformer.rated_kva,
  $max_load AS max_load,
  transformer.area_metering_point_id
FROM source.transformer
LEFT JOIN facts.interval_period ON interval_period.metering_point_id = transformer.area_metering_point_id
WHERE TRIM(transformer.area_metering_point_id) <> ''
