/*
title: Harmonic source not described
zh: 谐波源设备档案缺失
kind: exception
modes: [nightly]
subject: account
severity: low
flags: >-
  a harmonic_source with rated_kva, phases or operating_mode empty.
messages:
  en: "The file of harmonic sources lacks: {missing}."
  zh: "谐波源设备档案缺少：{missing}。"
*/
WITH source_of_harmonics AS (
  SELECT e.account_id,
         COUNT(*) AS harmonic_sources,
         COUNT(*) FILTER (WHERE e.rated_kva IS NULL) AS without_rated_kva,
         COUNT(*) FILTER (WHERE e.phases IS NULL) AS without_phases,
         COUNT(*) FILTER (WHERE NOT COALESCE(REGEXP_MATCHES(e.operating_mode, '[^\s\p{Z}]'), FALSE)) AS without_operating_mode,
         MIN(e.equipment_id) FILTER (WHERE e.rated_kva IS NULL OR e.phases IS NULL OR NOT COALESCE(REGEXP_MATCHES(e.operating_mode, '[^\s\p{Z}]'), FALSE)) AS first_incomplete_id
  FROM source.customer_equipment AS e
  WHERE e.kind = 'harmonic_source'
  GROUP BY e.account_id
)
SELECT h.account_id AS subject_id,
       h.account_id,
       h.first_incomplete_id IS NOT NULL AS flagged,
       CONCAT_WS(', ',
         CASE WHEN h.without_rated_kva > 0 THEN 'rated_kva' END,
         CASE WHEN h.without_phases > 0 THEN 'phases' END,
         CASE WHEN h.without_operating_mode > 0 THEN 'operating_mode' END) AS missing,
       h.harmonic_sources,
       h.first_incomplete_id
FROM source_of_harmonics AS h
