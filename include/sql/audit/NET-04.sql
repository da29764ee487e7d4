/*
title: Fed by a transformer that cannot feed it
zh: 变压器与用户归属错误
flags_zh: 在用账户的供电点挂接在已退役的变压器，或其他账户的专用变压器上。
what_to_do:
  en: See on site which transformer feeds the account and correct the supply point.
  zh: 现场核实实际供电变压器，更正供电点所属变压器。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: state
proof: same
flags: >-
  live, with a supply point on a retired transformer, or on a dedicated transformer of another account.
messages:
  en: "The account's supply point is on transformer {transformer_id}, which cannot feed it: {problem}."
  zh: "供电点挂接的变压器 {transformer_id} 不能为其供电：{problem}。"
*/
WITH point AS (
  SELECT
    live_account.account_id,
    supply_point.supply_point_id,
    transformer.transformer_id,
    transformer.retired_on,
    transformer.account_id AS owner_account_id,
    CASE
      WHEN transformer.retired_on <= $as_of THEN 'the transformer is retired'
      WHEN
        transformer.ownership = 'dedicated'
        AND NULLIF(TRIM(transformer.account_id), '') <> live_account.account_id
        THEN 'the transformer is dedicated to another account'
    END AS problem
  FROM core.live_account
  LEFT JOIN source.supply_point ON supply_point.account_id = live_account.account_id
  LEFT JOIN source.transformer ON transformer.transformer_id = supply_point.transformer_id
)

SELECT
  point.account_id AS subject_id,
  point.account_id,
  point.problem IS NOT NULL AS flagged,
  point.problem,
  point.supply_point_id,
  point.transformer_id,
  point.retired_on,
  point.owner_account_id
FROM point
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY point.account_id ORDER BY point.problem IS NOT NULL DESC, point.supply_point_id NULLS LAST
) = 1
