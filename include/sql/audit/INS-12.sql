/*
title: Harmonic source not described
zh: 谐波源设备档案缺失
flags_zh: 谐波源设备的额定容量、相数或运行方式为空。
what_to_do:
  en: Survey the equipment and complete its file; order a harmonic measurement where it is large.
  zh: 现场核实谐波源设备并补全档案，容量较大的安排谐波测试。
kind: exception
modes: [nightly]
subject: account
severity: low
judges: state
proof: same
flags: >-
  a harmonic_source with rated_kva, phases or operating_mode empty.
messages:
  en: "The file of {harmonic_sources} harmonic sources lacks: {missing}."
  zh: "谐波源设备 {harmonic_sources} 台，档案缺少：{missing}。"
*/
WITH source_of_harmonics AS (
  SELECT
    customer_equipment.account_id,
    COUNT(*) AS harmonic_sources,
    COUNT(*) FILTER (WHERE customer_equipment.rated_kva IS NULL) AS without_rated_kva,
    COUNT(*) FILTER (WHERE customer_equipment.phases IS NULL) AS without_phases,
    COUNT(*) FILTER (
      WHERE NOT COALESCE(REGEXP_MATCHES(customer_equipment.operating_mode, '[^\s\p{Z}]'), FALSE)
    ) AS without_operating_mode,
    MIN(customer_equipment.equipment_id) FILTER (
      WHERE customer_equipment.rated_kva IS NULL
      OR customer_equipment.phases IS NULL
      OR NOT COALESCE(REGEXP_MATCHES(customer_equipment.operating_mode, '[^\s\p{Z}]'), FALSE)
    ) AS first_incomplete_id
  FROM source.customer_equipment
  WHERE customer_equipment.kind = 'harmonic_source'
  GROUP BY customer_equipment.account_id
)

SELECT
  source_of_harmonics.account_id AS subject_id,
  source_of_harmonics.account_id,
  source_of_harmonics.first_incomplete_id IS NOT NULL AS flagged,
  CONCAT_WS(
    ', ',
    CASE WHEN source_of_harmonics.without_rated_kva > 0 THEN 'rated_kva' END,
    CASE WHEN source_of_harmonics.without_phases > 0 THEN 'phases' END,
    CASE WHEN source_of_harmonics.without_operating_mode > 0 THEN 'operating_mode' END
  ) AS missing,
  source_of_harmonics.harmonic_sources,
  source_of_harmonics.first_incomplete_id
FROM source_of_harmonics
