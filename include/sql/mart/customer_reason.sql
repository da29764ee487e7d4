/*
grain: one row a customer and what is said of it (grade, key account, segment, arrears, leaving)
key: [customer_id, topic]
purpose: Why a customer has its grade, its segment and its scores, in words that a clerk can read out; the figures are those of the scores.
columns:
  customer_id: {type: string, doc: The customer.}
  topic: {type: string, doc: 'grade, key_account, segment, arrears or leaving; the last two only of customers with a live account.'}
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
  SELECT a.customer_id, r.reasons, r.reasons_zh, HALF_UP(100 * r.probability, 1) AS percent, r.band
  FROM core.live_account AS a
  JOIN segment.arrears_score AS r ON r.account_id = a.account_id
  QUALIFY ROW_NUMBER() OVER (PARTITION BY a.customer_id ORDER BY r.probability DESC, a.account_id) = 1
),
likeliest AS (
  SELECT a.customer_id, l.reasons, l.reasons_zh, HALF_UP(100 * l.probability, 1) AS percent, l.band
  FROM core.live_account AS a
  JOIN segment.leave_score AS l ON l.account_id = a.account_id
  QUALIFY ROW_NUMBER() OVER (PARTITION BY a.customer_id ORDER BY l.probability DESC, a.account_id) = 1
),
graded AS (
  SELECT g.customer_id, g.is_graded, g.grade, g.key_account_reason, g.emerging_key_account,
         CAST(g.objective_tier AS VARCHAR) AS objective_tier,
         CAST(g.behaviour_tier AS VARCHAR) AS behaviour_tier,
         CAST(HALF_UP(g.value_score, 1) AS VARCHAR) AS value_score,
         CAST(HALF_UP(g.composite, 1) AS VARCHAR) AS composite,
         CAST(HALF_UP(100 * g.rank_share, 2) AS VARCHAR) AS rank_percent
  FROM segment.customer_grade AS g
)
SELECT g.customer_id,
       'grade' AS topic,
       CASE WHEN g.is_graded
            THEN CONCAT('Grade ', g.grade, ': size ', g.objective_tier, ' of 5, behaviour ', g.behaviour_tier, ' of 5, value ', g.value_score,
                        ' of 100, together ', g.composite, ' of 100; among the first ', g.rank_percent, '% of customers')
            ELSE CONCAT('Grade ', g.grade, ': no live account') END AS reason,
       CASE WHEN g.is_graded
            THEN CONCAT(g.grade, ' 级：规模 ', g.objective_tier, '/5，行为 ', g.behaviour_tier, '/5，价值 ', g.value_score,
                        '/100，综合 ', g.composite, '/100；位列客户前 ', g.rank_percent, '%')
            ELSE CONCAT(g.grade, ' 级：无在用户') END AS reason_zh
FROM graded AS g
UNION ALL
SELECT g.customer_id,
       'key_account' AS topic,
       COALESCE(w.reason, 'emerging key account: potential among the highest, current value not yet') AS reason,
       COALESCE(w.reason_zh, '新兴大客户：潜在价值居前而当前价值尚低') AS reason_zh
FROM graded AS g
LEFT JOIN param.key_words AS w ON w.key_account_reason = g.key_account_reason
WHERE g.key_account_reason IS NOT NULL OR g.emerging_key_account
UNION ALL
SELECT c.customer_id,
       'segment' AS topic,
       CONCAT(c.segment, ': ', COALESCE(d.description, 'not described'), ' (row ', COALESCE(CAST(c.rule_no AS VARCHAR), 'none'), ' of the decision table)') AS reason,
       CONCAT(COALESCE(d.segment_zh, c.segment), '：', COALESCE(d.description_zh, '未说明'), '（决策表第 ', COALESCE(CAST(c.rule_no AS VARCHAR), '无'), ' 行）') AS reason_zh
FROM segment.customer_composite AS c
LEFT JOIN segment.segment_definition AS d ON d.segment = c.segment
UNION ALL
SELECT w.customer_id,
       'arrears' AS topic,
       CONCAT(CAST(w.percent AS VARCHAR), '% (band ', CAST(w.band AS VARCHAR), '): ', w.reasons) AS reason,
       CONCAT(CAST(w.percent AS VARCHAR), '%（', CAST(w.band AS VARCHAR), ' 档）：', w.reasons_zh) AS reason_zh
FROM worst AS w
UNION ALL
SELECT l.customer_id,
       'leaving' AS topic,
       CONCAT(CAST(l.percent AS VARCHAR), '% (band ', CAST(l.band AS VARCHAR), '): ', l.reasons) AS reason,
       CONCAT(CAST(l.percent AS VARCHAR), '%（', CAST(l.band AS VARCHAR), ' 档）：', l.reasons_zh) AS reason_zh
FROM likeliest AS l
