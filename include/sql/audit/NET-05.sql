/*
title: Transformer overloaded
zh: 配变重过载
kind: exception
modes: [nightly]
subject: transformer
severity: medium
flags: >-
  the area point's highest interval demand in P, in kW, above max_load x rated_kva.
params:
  max_load: {type: number, default: 1.0, minimum: 0, doc: 'Highest demand in kW for each rated kVA.'}
messages:
  en: >-
    Demand of {highest_kw} kW on {rated_kva} kVA.
  zh: >-
    最大负荷 {highest_kw} kW，变压器容量 {rated_kva} kVA。
*/
SELECT t.transformer_id AS subject_id,
       t.account_id,
       t.org_unit_id,
       ROUND(i.max_kw - $max_load * t.rated_kva, 6) > 0 AS flagged,
       CASE WHEN i.max_kw IS NULL THEN 'no_intervals' WHEN t.rated_kva IS NULL THEN 'no_rated_kva' END AS not_checked,
       i.max_kw AS highest_kw,
       t.rated_kva,
       $max_load AS max_load,
       t.area_metering_point_id
FROM source.transformer AS t
LEFT JOIN facts.interval_period AS i ON i.metering_point_id = t.area_metering_point_id
WHERE TRIM(t.area_metering_point_id) <> ''
