/*
grain: one row a customer whose grade differs from the last month's
key: [customer_id, month]
purpose: >-
  Movement between grades against the last night of the newest earlier month; nothing in the first month. New and
  lost speak of supply, up and down of customers supplied then and now.
columns:
  customer_id: {type: string, doc: The customer.}
  month: {type: date, doc: First day of the month of as_of.}
  from_grade: {type: string, doc: Grade then; empty for a new customer.}
  to_grade: {type: string, doc: Grade now; empty for a lost one.}
  kind: {type: string, doc: 'up, down, new or lost.'}
  reason_code: {type: string, doc: 'Why, as a code: value, behaviour, size, others, began, resumed, no_account, moved, handed_over, owing, closed, unknown.'}
  reason: {type: string, doc: 'up and down: the level that moved the composite most, or place among others where none moved that way; new: supply began or resumed; lost: the analysed cause of leaving.'}
  reason_zh: {type: string, doc: The same in Chinese.}
params:
  words:
    type: rows
    columns: {code: string, reason: string, reason_zh: string}
    default:
      - [value, value, 价值变化]
      - [behaviour, behaviour, 行为变化]
      - [size, size, 规模变化]
      - [others, place among others, 其他客户变动引起的名次变化]
      - [began, supply began, 新开始用电]
      - [resumed, supply resumed or taken over, 恢复用电或承接用电]
      - [no_account, record has no account any more, 档案下已无用电户]
      - [moved, moved premises, 迁址]
      - [handed_over, handed over to another customer, 过户给其他客户]
      - [owing, closed with bills open, 欠费销户]
      - [closed, closed at the customer's request, 客户申请销户]
      - [unknown, 'closed, cause not recorded', 销户，原因未记录]
    doc: What the reasons are called.
*/
WITH past_month AS (
  SELECT MAX(s.month) AS month FROM segment_state.grade AS s WHERE s.month < MONTH_OF($as_of)
),
past AS (
  SELECT s.customer_id, s.grade, s.objective_tier, s.behaviour_tier, s.value_score
  FROM segment_state.grade AS s
  JOIN past_month AS m ON m.month = s.month
),
today AS (
  SELECT g.customer_id, g.grade, g.objective_tier, g.behaviour_tier, g.value_score
  FROM segment.customer_grade AS g
  CROSS JOIN past_month AS m
  WHERE g.is_graded AND m.month IS NOT NULL
),
moved AS (
  SELECT COALESCE(t.customer_id, p.customer_id) AS customer_id,
         p.grade AS from_grade,
         t.grade AS to_grade,
         CASE WHEN p.customer_id IS NULL THEN 'new' WHEN t.customer_id IS NULL THEN 'lost'
              WHEN t.grade < p.grade THEN 'up' ELSE 'down' END AS kind,
         CASE WHEN t.grade < p.grade THEN 1 ELSE -1 END * (t.objective_tier - p.objective_tier) * 20 * w.objective_weight AS objective,
         CASE WHEN t.grade < p.grade THEN 1 ELSE -1 END * (t.behaviour_tier - p.behaviour_tier) * 20 * w.behaviour_weight AS behaviour,
         CASE WHEN t.grade < p.grade THEN 1 ELSE -1 END * (t.value_score - p.value_score) * w.value_weight AS worth
  FROM today AS t
  FULL OUTER JOIN past AS p ON p.customer_id = t.customer_id
  CROSS JOIN segment.grade_parameter AS w
  WHERE t.grade IS DISTINCT FROM p.grade
),
closing AS (
  SELECT a.customer_id, o.kind
  FROM source.account AS a
  JOIN source.service_order AS o ON o.account_id = a.account_id
  WHERE o.kind IN ('close', 'move_premises', 'transfer_name') AND CAST(o.submitted_at AS DATE) > ADD_MONTHS($as_of, -12)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY a.customer_id ORDER BY o.submitted_at DESC, o.order_id DESC) = 1
),
owing AS (
  SELECT a.customer_id
  FROM source.account AS a
  JOIN segment.account_year AS y ON y.account_id = a.account_id
  GROUP BY a.customer_id
  HAVING SUM(y.open_amount) > 0
),
holder AS (
  SELECT a.customer_id,
         COUNT(*) FILTER (WHERE a.status = 'closed') AS closed_accounts,
         MIN(a.opened_on) AS first_opened_on
  FROM source.account AS a
  GROUP BY a.customer_id
),
coded AS (
  SELECT m.customer_id,
         MONTH_OF($as_of) AS month,
         m.from_grade,
         m.to_grade,
         m.kind,
         CASE WHEN m.kind = 'new' AND h.first_opened_on < ADD_MONTHS($as_of, -2) THEN 'resumed'
              WHEN m.kind = 'new' THEN 'began'
              WHEN m.kind = 'lost' AND h.customer_id IS NULL THEN 'no_account'
              WHEN m.kind = 'lost' AND c.kind = 'move_premises' THEN 'moved'
              WHEN m.kind = 'lost' AND c.kind = 'transfer_name' THEN 'handed_over'
              WHEN m.kind = 'lost' AND w.customer_id IS NOT NULL THEN 'owing'
              WHEN m.kind = 'lost' AND c.kind = 'close' THEN 'closed'
              WHEN m.kind = 'lost' THEN 'unknown'
              WHEN m.worth > 0 AND m.worth >= m.objective AND m.worth >= m.behaviour THEN 'value'
              WHEN m.behaviour > 0 AND m.behaviour >= m.objective THEN 'behaviour'
              WHEN m.objective > 0 THEN 'size'
              ELSE 'others' END AS reason_code
  FROM moved AS m
  LEFT JOIN holder AS h ON h.customer_id = m.customer_id
  LEFT JOIN closing AS c ON c.customer_id = m.customer_id
  LEFT JOIN owing AS w ON w.customer_id = m.customer_id
)
SELECT c.customer_id, c.month, c.from_grade, c.to_grade, c.kind, c.reason_code, n.reason, n.reason_zh
FROM coded AS c
LEFT JOIN param.words AS n ON n.code = c.reason_code
