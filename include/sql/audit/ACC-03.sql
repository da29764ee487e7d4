/*
title: Usage category does not fit the industry
zh: 用电属性与行业分类不匹配
flags_zh: 行业分类代码首字母不在该用电类别允许的门类内；居民用电不应有行业分类；其他用电类别行业分类为空的不判定。
what_to_do:
  en: >-
    Establish what the energy is used for (business licence, site survey), then correct the usage category
    or the industry, and with the category the tariff.
  zh: 依据营业执照和现场勘查核实实际用电性质，更正用电类别或行业分类；用电类别变更的，同步更正电价。
kind: exception
modes: [online, nightly]
subject: order
severity: high
judges: state
proof: same
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
  SELECT DISTINCT allowed.usage_category FROM param.allowed
),

letter AS (
  SELECT DISTINCT
    allowed.usage_category,
    allowed.letter
  FROM param.allowed WHERE allowed.letter IS NOT NULL
)

SELECT
  open_application.order_id AS subject_id,
  account.account_id,
  COALESCE(REGEXP_MATCHES(account.industry_code, '[^\s\p{Z}]'), FALSE)
  AND category.usage_category IS NOT NULL
  AND letter.letter IS NULL AS flagged,
  account.usage_category,
  account.industry_code
FROM core.open_application
INNER JOIN source.account ON account.account_id = open_application.account_id
LEFT JOIN category ON category.usage_category = account.usage_category
LEFT JOIN letter
  ON letter.usage_category = account.usage_category AND letter.letter = SUBSTRING(account.industry_code, 1, 1)
