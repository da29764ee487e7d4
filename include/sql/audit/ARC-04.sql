/*
title: Usage category does not fit the industry
zh: 档案用电类别与行业不匹配
kind: exception
modes: [nightly]
subject: account
severity: medium
flags: >-
  as ACC-03, for live accounts.
params:
  allowed: {same_as: ACC-03.allowed}
messages:
  en: "Industry {industry_code} does not fit usage category {usage_category}."
  zh: "行业分类 {industry_code} 与用电类别 {usage_category} 不符。"
*/
WITH category AS (
  SELECT DISTINCT p.usage_category FROM param.allowed AS p
),
letter AS (
  SELECT DISTINCT p.usage_category, p.letter FROM param.allowed AS p WHERE p.letter IS NOT NULL
)
SELECT a.account_id AS subject_id,
       a.account_id,
       COALESCE(REGEXP_MATCHES(a.industry_code, '[^\s\p{Z}]'), FALSE) AND c.usage_category IS NOT NULL AND l.letter IS NULL AS flagged,
       a.usage_category,
       a.industry_code
FROM core.live_account AS a
LEFT JOIN category AS c ON c.usage_category = a.usage_category
LEFT JOIN letter AS l ON l.usage_category = a.usage_category AND l.letter = SUBSTRING(a.industry_code, 1, 1)
