/*
title: Fed by a transformer that cannot feed it
zh: 变压器与用户归属错误
kind: exception
modes: [nightly]
subject: account
severity: high
flags: >-
  live, with a supply point on a retired transformer, or on a dedicated transformer of another account.
messages:
  en: >-
    Supply point {supply_point_id} on transformer {transformer_id}: {problem}.
  zh: >-
    供电点 {supply_point_id} 挂接变压器 {transformer_id}：{problem}。
*/
WITH point AS (
  SELECT a.account_id,
         s.supply_point_id,
         t.transformer_id,
         t.retired_on,
         t.account_id AS owner_account_id,
         CASE
           WHEN t.retired_on <= $as_of THEN 'the transformer is retired'
           WHEN t.ownership = 'dedicated' AND NULLIF(TRIM(t.account_id), '') <> a.account_id
             THEN 'the transformer is dedicated to another account'
         END AS problem
  FROM core.live_account AS a
  LEFT JOIN source.supply_point AS s ON s.account_id = a.account_id
  LEFT JOIN source.transformer AS t ON t.transformer_id = s.transformer_id
)
SELECT p.account_id AS subject_id,
       p.account_id,
       p.problem IS NOT NULL AS flagged,
       p.problem,
       p.supply_point_id,
       p.transformer_id,
       p.retired_on,
       p.owner_account_id
FROM point AS p
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY p.account_id ORDER BY p.problem IS NOT NULL DESC, p.supply_point_id NULLS LAST
) = 1
