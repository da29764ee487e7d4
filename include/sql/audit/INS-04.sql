/*
title: Equipment file incomplete
zh: 自备电源电容器断路器档案不全
flags_zh: 发电机、电容器或断路器的额定容量或试验日期为空；或标记有自备电源而未登记发电机。
what_to_do:
  en: See the equipment on site and complete its file; ask for the test report that is due.
  zh: 现场核实设备并补全档案，督促客户提供有效的试验报告。
kind: exception
modes: [nightly]
subject: account
severity: low
judges: state
proof: same
flags: >-
  a generator, capacitor or breaker with rated_kva or tested_on empty; or has_self_generation without a
  generator.
messages:
  en: "The file of generators, capacitors and breakers lacks: {missing}."
  zh: "发电机、电容器、断路器档案缺少：{missing}。"
*/
WITH equipment AS (
  SELECT
    customer_equipment.account_id,
    COUNT(*) FILTER (WHERE customer_equipment.kind = 'generator') AS generators,
    COUNT(*) FILTER (WHERE customer_equipment.rated_kva IS NULL) AS without_rated_kva,
    COUNT(*) FILTER (WHERE customer_equipment.tested_on IS NULL) AS without_tested_on,
    MIN(customer_equipment.equipment_id) FILTER (
      WHERE customer_equipment.rated_kva IS NULL OR customer_equipment.tested_on IS NULL
    ) AS first_incomplete_id
  FROM source.customer_equipment
  WHERE customer_equipment.kind IN ('generator', 'capacitor', 'breaker')
  GROUP BY customer_equipment.account_id
)

SELECT
  account.account_id AS subject_id,
  account.account_id,
  COALESCE(equipment.first_incomplete_id IS NOT NULL, FALSE)
  OR (account.has_self_generation AND COALESCE(equipment.generators, 0) = 0) AS flagged,
  CONCAT_WS(
    ', ',
    CASE WHEN equipment.without_rated_kva > 0 THEN 'rated_kva' END,
    CASE WHEN equipment.without_tested_on > 0 THEN 'tested_on' END,
    CASE WHEN account.has_self_generation AND COALESCE(equipment.generators, 0) = 0 THEN 'generator' END)
    AS missing,
  COALESCE(equipment.without_rated_kva, 0) AS without_rated_kva,
  COALESCE(equipment.without_tested_on, 0) AS without_tested_on,
  equipment.first_incomplete_id,
  account.has_self_generation,
  COALESCE(equipment.generators, 0) AS generators
FROM source.account
LEFT JOIN equipment ON equipment.account_id = account.account_id
WHERE equipment.account_id IS NOT NULL OR account.has_self_generation
