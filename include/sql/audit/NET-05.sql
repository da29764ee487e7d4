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
