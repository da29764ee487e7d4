/*
title: Usage category does not fit the industry
zh: 档案用电类别与行业不匹配
flags_zh: 行业分类代码首字母不在该用电类别允许的门类内；居民用电不应有行业分类；其他用电类别行业分类为空的不判定。
what_to_do:
  en: >-
    Establish what the energy is used for and correct the industry or the usage category; a changed category
    changes the tariff from the day it is established.
  zh: 核实实际用电性质，更正行业分类或用电类别；用电类别变更的，自核实之日起执行相应电价。
kind: exception
modes: [nightly]
subject: account
severity: medium
judges: state
proof: same
flags: >-
  as ACC-03, for live accounts.
params:
  allowed: {same_as: ACC-03.allowed}
messages:
  en: "The industry {industry_code} does not fit the usage category {usage_category}."
  zh: "行业分类（{industry_code}）与用电类别（{usage_category}）不符。"
*/
WITH category AS (
  SELECT DISTINCT allowed.usage_category FROM param.allowed
),

letter AS (
  SELECT DISTINCT
    allowed.usage_category,
    allowed.letter
  FROM param.allowed WHERE allowed.letter IS NOT NULL
)

SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  COALESCE(REGEXP_MATCHES(live_account.industry_code, '[^\s\p{Z}]'), FALSE)
  AND category.usage_category IS NOT NULL
  AND letter.letter IS NULL AS flagged,
  live_account.usage_category,
  live_account.industry_code
FROM core.live_account
LEFT JOIN category ON category.usage_category = live_account.usage_category
LEFT JOIN letter
  ON letter.usage_category = live_account.usage_category
  AND letter.letter = SUBSTRING(live_account.industry_code, 1, 1)
