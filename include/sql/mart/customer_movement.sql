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
  reason: {type: string, doc: 'up and down: the level that moved the composite most, or place among others where none moved that way; new: supply began or resumed; lost: the analysed cause of leaving.'}
params:
  objective_weight: {type: number, default: 0.3, minimum: 0, maximum: 1, doc: Weight of level 1 as in segment.customer_grade.}
  behaviour_weight: {type: number, default: 0.2, minimum: 0, maximum: 1, doc: Weight of level 2.}
  value_weight: {type: number, default: 0.5, minimum: 0, maximum: 1, doc: Weight of level 3.}
*/
WITH past_month AS (
  SELECT MAX(s.month) AS month FROM segment_state.grade AS s WHERE s.month < CAST(DATE_TRUNC('month', $as_of) AS DATE)
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
         CASE WHEN t.grade < p.grade THEN 1 ELSE -1 END * (t.objective_tier - p.objective_tier) * 20 * CAST($objective_weight AS DOUBLE) AS objective,
         CASE WHEN t.grade < p.grade THEN 1 ELSE -1 END * (t.behaviour_tier - p.behaviour_tier) * 20 * CAST($behaviour_weight AS DOUBLE) AS behaviour,
         CASE WHEN t.grade < p.grade THEN 1 ELSE -1 END * (t.value_score - p.value_score) * CAST($value_weight AS DOUBLE) AS worth
  FROM today AS t
  FULL OUTER JOIN past AS p ON p.customer_id = t.customer_id
  WHERE t.grade IS DISTINCT FROM p.grade
),
closing AS (
  SELECT a.customer_id, o.kind
  FROM source.account AS a
  JOIN source.service_order AS o ON o.account_id = a.account_id
  WHERE o.kind IN ('close', 'move_premises', 'transfer_name') AND CAST(o.submitted_at AS DATE) > CAST(ADD_MONTHS($as_of, -12) AS DATE)
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
)
SELECT m.customer_id,
       CAST(DATE_TRUNC('month', $as_of) AS DATE) AS month,
       m.from_grade,
       m.to_grade,
       m.kind,
       CASE WHEN m.kind = 'new' AND h.first_opened_on < CAST(ADD_MONTHS($as_of, -2) AS DATE) THEN 'supply resumed or taken over'
            WHEN m.kind = 'new' THEN 'supply began'
            WHEN m.kind = 'lost' AND h.customer_id IS NULL THEN 'record has no account any more'
            WHEN m.kind = 'lost' AND c.kind = 'move_premises' THEN 'moved premises'
            WHEN m.kind = 'lost' AND c.kind = 'transfer_name' THEN 'handed over to another customer'
            WHEN m.kind = 'lost' AND w.customer_id IS NOT NULL THEN 'closed with bills open'
            WHEN m.kind = 'lost' AND c.kind = 'close' THEN 'closed at the customer''s request'
            WHEN m.kind = 'lost' THEN 'closed, cause not recorded'
            WHEN m.worth > 0 AND m.worth >= m.objective AND m.worth >= m.behaviour THEN 'value'
            WHEN m.behaviour > 0 AND m.behaviour >= m.objective THEN 'behaviour'
            WHEN m.objective > 0 THEN 'size'
            ELSE 'place among others' END AS reason
FROM moved AS m
LEFT JOIN holder AS h ON h.customer_id = m.customer_id
LEFT JOIN closing AS c ON c.customer_id = m.customer_id
LEFT JOIN owing AS w ON w.customer_id = m.customer_id
