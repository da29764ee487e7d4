/*
title: Equipment file incomplete
zh: 自备电源电容器断路器档案不全
kind: exception
modes: [nightly]
subject: account
severity: low
flags: >-
  a generator, capacitor or breaker with rated_kva or tested_on empty; or has_self_generation without a
  generator.
messages:
  en: "The file of generators, capacitors and breakers lacks: {missing}."
  zh: "自备电源、电容器、断路器档案缺少：{missing}。"
*/
WITH equipment AS (
  SELECT e.account_id,
         COUNT(*) FILTER (WHERE e.kind = 'generator') AS generators,
         COUNT(*) FILTER (WHERE e.rated_kva IS NULL) AS without_rated_kva,
         COUNT(*) FILTER (WHERE e.tested_on IS NULL) AS without_tested_on,
         MIN(e.equipment_id) FILTER (WHERE e.rated_kva IS NULL OR e.tested_on IS NULL) AS first_incomplete_id
  FROM source.customer_equipment AS e
  WHERE e.kind IN ('generator', 'capacitor', 'breaker')
  GROUP BY e.account_id
)
SELECT a.account_id AS subject_id,
       a.account_id,
       COALESCE(e.first_incomplete_id IS NOT NULL, FALSE)
         OR (a.has_self_generation AND COALESCE(e.generators, 0) = 0) AS flagged,
       CONCAT_WS(', ',
         CASE WHEN e.without_rated_kva > 0 THEN 'rated_kva' END,
         CASE WHEN e.without_tested_on > 0 THEN 'tested_on' END,
         CASE WHEN a.has_self_generation AND COALESCE(e.generators, 0) = 0 THEN 'generator' END) AS missing,
       COALESCE(e.without_rated_kva, 0) AS without_rated_kva,
       COALESCE(e.without_tested_on, 0) AS without_tested_on,
       e.first_incomplete_id,
       a.has_self_generation,
       COALESCE(e.generators, 0) AS generators
FROM source.account AS a
LEFT JOIN equipment AS e ON e.account_id = a.account_id
WHERE e.account_id IS NOT NULL OR a.has_self_generation
