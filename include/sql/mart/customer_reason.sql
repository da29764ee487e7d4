/*
grain: one row per customer and what is said of it (grade, key account, segment, arrears, leaving)
key: [customer_id, topic]
purpose: Why a customer has its grade, its segment and its scores, in words that a clerk can read out; the figures are those of the scores.
columns:
  customer_id: {type: string, doc: The customer.}
  topic: {type: string, doc: 'grade, key_account, segment, arrears or leaving; the last two only of customers with a live account, leaving only where its model is good enough.'}
  reason: {type: string, doc: In English.}
  reason_zh: {type: string, doc: In Chinese.}
params:
  key_words:
    type: rows
    columns: {key_account_reason: string, reason: string, reason_zh: string}
    default:
      - [grade, 'key account: grade A', 大客户：A 级]
      - [capacity, 'key account: an account of large capacity', 大客户：有大容量用电户]
      - [strategic, 'key account: on the list of strategic customers', 大客户：列入战略客户名单]
    doc: Why a customer is a key account.
*/
WITH worst AS (
  SELECT
    live_account.customer_id,
    arrears_score.reasons,
    arrears_score.reasons_zh,
    HALF_UP(100 * arrears_score.probability, 1) AS percent,
    arrears_score.band
  FROM core.live_account
  JOIN segment.arrears_score ON arrears_score.account_id = live_account.account_id
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY live_account.customer_id ORDER BY arrears_score.probability DESC, live_account.account_id
      )
    = 1
),

likeliest AS (
  SELECT
    live_account.customer_id,
    leave_score.reasons,
    leave_score.reasons_zh,
    HALF_UP(100 * leave_score.probability, 1) AS percent,
    leave_score.band
  FROM core.live_account
  JOIN segment.leave_score ON leave_score.account_id = live_account.account_id
  WHERE leave_score.probability IS NOT NULL
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY live_account.customer_id ORDER BY leave_score.probability DESC, live_account.account_id
      )
    = 1
),

graded AS (
  SELECT
    customer_grade.customer_id,
    customer_grade.is_graded,
    customer_grade.grade,
    customer_grade.key_account_reason,
    customer_grade.emerging_key_account,
    customer_grade.emerging_sign,
    customer_grade.emerging_sign_zh,
    CAST(customer_grade.objective_tier AS VARCHAR) AS objective_tier,
    CAST(customer_grade.behaviour_tier AS VARCHAR) AS behaviour_tier,
    CAST(HALF_UP(customer_grade.value_score, 1) AS VARCHAR) AS value_score,
    CAST(HALF_UP(customer_grade.composite, 1) AS VARCHAR) AS composite,
    CAST(HALF_UP(100 * customer_grade.rank_share, 2) AS VARCHAR) AS rank_percent
  FROM segment.customer_grade
)

SELECT
  graded.customer_id,
  'grade' AS topic,
  CASE
    WHEN graded.is_graded
      THEN CONCAT(
        'Grade ',
        graded.grade,
        ': size ',
        graded.objective_tier,
        ' of 5, behaviour ',
        graded.behaviour_tier,
        ' of 5, value ',
        graded.value_score,
        ' of 100, together ',
        graded.composite,
        ' of 100; among the first ',
        graded.rank_percent,
        '% of customers'
      )
    ELSE CONCAT('Grade ', graded.grade, ': no live account')
  END AS reason,
  CASE
    WHEN graded.is_graded
      THEN CONCAT(
        graded.grade,
        ' 级：规模 ',
        graded.objective_tier,
        '/5，行为 ',
        graded.behaviour_tier,
        '/5，价值 ',
        graded.value_score,
        '/100，综合 ', graded.composite, '/100；位列客户前 ', graded.rank_percent, '%'
      )
    ELSE CONCAT(graded.grade, ' 级：无在用户')
  END AS reason_zh
FROM graded
UNION ALL
SELECT
  graded.customer_id,
  'key_account' AS topic,
  COALESCE(
    key_words.reason,
    CONCAT('emerging key account: potential far above current value; ', graded.emerging_sign)
  ) AS reason,
  COALESCE(key_words.reason_zh, CONCAT('新兴大客户：潜在价值远高于当前价值；', graded.emerging_sign_zh))
    AS reason_zh
FROM graded
LEFT JOIN param.key_words ON key_words.key_account_reason = graded.key_account_reason
WHERE graded.key_account_reason IS NOT NULL OR graded.emerging_key_account
UNION ALL
SELECT
  customer_composite.customer_id,
  'segment' AS topic,
  CONCAT(
    customer_composite.segment,
    ': ',
    COALESCE(segment_definition.description, 'not described'),
    ' (row ',
    COALESCE(CAST(customer_composite.rule_no AS VARCHAR), 'none'),
    ' of the decision table)'
  ) AS reason,
  CONCAT(
    COALESCE(segment_definition.segment_zh, customer_composite.segment),
    '：',
    COALESCE(segment_definition.description_zh, '未说明'),
    '（决策表第 ',
    COALESCE(CAST(customer_composite.rule_no AS VARCHAR), '无'),
    ' 行）'
  ) AS reason_zh
FROM segment.customer_composite
LEFT JOIN segment.segment_definition ON segment_definition.segment = customer_composite.segment
UNION ALL
SELECT
  worst.customer_id,
  'arrears' AS topic,
  CONCAT(CAST(worst.percent AS VARCHAR), '% (band ', CAST(worst.band AS VARCHAR), '): ', worst.reasons)
    AS reason,
  CONCAT(CAST(worst.percent AS VARCHAR), '%（', CAST(worst.band AS VARCHAR), ' 档）：', worst.reasons_zh)
    AS reason_zh
FROM worst
UNION ALL
SELECT
  likeliest.customer_id,
  'leaving' AS topic,
  CONCAT(
    CAST(likeliest.percent AS VARCHAR), '% (band ', CAST(likeliest.band AS VARCHAR), '): ', likeliest.reasons
  ) AS reason,
  CONCAT(
    CAST(likeliest.percent AS VARCHAR), '%（', CAST(likeliest.band AS VARCHAR), ' 档）：', likeliest.reasons_zh
  ) AS reason_zh
FROM likeliest
