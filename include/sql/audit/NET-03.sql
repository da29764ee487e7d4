/*
title: Supply point and transformer on different lines
zh: 变压器与线路归属不一致
flags_zh: 供电点登记的线路与其变压器所属线路不一致。
what_to_do:
  en: See on site which line feeds the transformer and correct the record that is wrong.
  zh: 现场核实变压器所属线路，更正有误的档案。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: state
proof: same
flags: >-
  a supply point whose line_id differs from its transformer's line_id.
messages:
  en: "The supply point is recorded on line {line_id}, its transformer {transformer_id} on line {transformer_line_id}."
  zh: "供电点登记线路 {line_id}，其变压器 {transformer_id} 所属线路为 {transformer_line_id}。"
*/
WITH point AS (
  SELECT
    supply_point.account_id,
    supply_point.supply_point_id,
    supply_point.line_id,
    supply_point.transformer_id,
    transformer.line_id AS transformer_line_id,
    COALESCE(NULLIF(TRIM(supply_point.line_id), '') <> transformer.line_id, FALSE) AS differs
  FROM source.supply_point
  LEFT JOIN source.transformer ON transformer.transformer_id = supply_point.transformer_id
)

SELECT
  point.account_id AS subject_id,
  point.account_id,
  point.differs AS flagged,
  point.supply_point_id,
  point.line_id,
  point.transformer_id,
  point.transformer_line_id
FROM point
QUALIFY
  ROW_NUMBER() OVER (PARTITION BY point.account_id ORDER BY point.differs DESC, point.supply_point_id) = 1
