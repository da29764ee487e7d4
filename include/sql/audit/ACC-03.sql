/*
title: Usage category does not fit the industry
zh: 用电属性与行业分类不匹配
kind: exception
modes: [online, nightly]
subject: order
severity: high
flags: >-
  the account's industry_code begins with a letter not allowed for its usage_category; residential allows
  no code at all; for the others an empty code does not flag.
params:
  allowed:
    type: map_of_lists
    columns: {usage_category: string, letter: string}
    default: {residential: [], agricultural: [A], general_industrial: [B, C, D], large_industrial: [B, C, D], commercial: [E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T], bulk_resale: [D]}
    doc: First letters of the industry code by usage category; a category with none allows no code.
messages:
  en: "Industry {industry_code} does not fit usage category {usage_category}."
  zh: "行业分类 {industry_code} 与用电类别“{usage_category}”不符。"
*/
WITH category AS (
  SELECT DISTINCT p.usage_category FROM param.allowed AS p
),
letter AS (
  SELECT DISTINCT p.usage_category, p.letter FROM param.allowed AS p WHERE p.letter IS NOT NULL
)
SELECT o.order_id AS subject_id,
       a.account_id,
       COALESCE(REGEXP_MATCHES(a.industry_code, '[^\s\p{Z}]'), FALSE) AND c.usage_category IS NOT NULL AND l.letter IS NULL AS flagged,
       a.usage_category,
       a.industry_code
FROM core.open_application AS o
INNER JOIN source.account AS a ON a.account_id = o.account_id
LEFT JOIN category AS c ON c.usage_category = a.usage_category
LEFT JOIN letter AS l ON l.usage_category = a.usage_category AND l.letter = SUBSTRING(a.industry_code, 1, 1)
