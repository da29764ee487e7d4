/*
grain: one row per customer whose grade differs from the last month's
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
  SELECT MAX(grade.month) AS month FROM segment_state.grade WHERE grade.month < MONTH_OF($as_of)
),

past AS (
  SELECT
    grade.customer_id,
    grade.grade,
    grade.objective_tier,
    grade.behaviour_tier,
    grade.behaviour_score,
    grade.value_score
  FROM segment_state.grade
  JOIN past_month ON past_month.month = grade.month
),

today AS (
  SELECT
    customer_grade.customer_id,
    customer_grade.grade,
    customer_grade.objective_tier,
    customer_grade.behaviour_tier,
    customer_grade.behaviour_score,
    customer_grade.value_score
  FROM segment.customer_grade
  CROSS JOIN past_month
  WHERE customer_grade.is_graded AND past_month.month IS NOT NULL
),

moved AS (
  SELECT
    COALESCE(today.customer_id, past.customer_id) AS customer_id,
    past.grade AS from_grade,
    today.grade AS to_grade,
    CASE
      WHEN past.customer_id IS NULL THEN 'new' WHEN today.customer_id IS NULL THEN 'lost'
      WHEN today.grade < past.grade THEN 'up' ELSE 'down'
    END AS kind,
    CASE WHEN today.grade < past.grade THEN 1 ELSE -1 END
    * (today.objective_tier - past.objective_tier)
    * 20
    * grade_parameter.objective_weight AS objective,
    CASE WHEN today.grade < past.grade THEN 1 ELSE -1 END
    * (today.behaviour_tier - past.behaviour_tier)
    * 20
    * grade_parameter.behaviour_weight
    -- A tier is a place among others: it counts only where the customer's own score went the same way.
    * CASE
      WHEN
        (today.behaviour_tier - past.behaviour_tier) * (today.behaviour_score - past.behaviour_score) <= 0
        THEN 0
      ELSE 1
    END AS behaviour,
    CASE WHEN today.grade < past.grade THEN 1 ELSE -1 END
    * (today.value_score - past.value_score)
    * grade_parameter.value_weight AS worth
  FROM today
  FULL OUTER JOIN past ON past.customer_id = today.customer_id
  CROSS JOIN segment.grade_parameter
  WHERE today.grade IS DISTINCT FROM past.grade
),

closing AS (
  SELECT
    account.customer_id,
    service_order.kind
  FROM source.account
  JOIN source.service_order ON service_order.account_id = account.account_id
  WHERE
    service_order.kind IN ('close', 'move_premises', 'transfer_name')
    AND CAST(service_order.submitted_at AS DATE) > ADD_MONTHS($as_of, -12)
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY account.customer_id ORDER BY service_order.submitted_at DESC, service_order.order_id DESC
      )
    = 1
),

owing AS (
  SELECT account.customer_id
  FROM source.account
  JOIN segment.account_year ON account_year.account_id = account.account_id
  GROUP BY account.customer_id
  HAVING SUM(account_year.open_amount) > 0
),

holder AS (
  SELECT
    account.customer_id,
    COUNT(*) FILTER (WHERE account.status = 'closed') AS closed_accounts,
    MIN(account.opened_on) AS first_opened_on
  FROM source.account
  GROUP BY account.customer_id
),

coded AS (
  SELECT
    moved.customer_id,
    MONTH_OF($as_of) AS month,
    moved.from_grade,
    moved.to_grade,
    moved.kind,
    CASE
      WHEN moved.kind = 'new' AND holder.first_opened_on < ADD_MONTHS($as_of, -2) THEN 'resumed'
      WHEN moved.kind = 'new' THEN 'began'
      WHEN moved.kind = 'lost' AND holder.customer_id IS NULL THEN 'no_account'
      WHEN moved.kind = 'lost' AND closing.kind = 'move_premises' THEN 'moved'
      WHEN moved.kind = 'lost' AND closing.kind = 'transfer_name' THEN 'handed_over'
      WHEN moved.kind = 'lost' AND owing.customer_id IS NOT NULL THEN 'owing'
      WHEN moved.kind = 'lost' AND closing.kind = 'close' THEN 'closed'
      WHEN moved.kind = 'lost' THEN 'unknown'
      WHEN moved.worth > 0 AND moved.worth >= moved.objective AND moved.worth >= moved.behaviour THEN 'value'
      WHEN moved.behaviour > 0 AND moved.behaviour >= moved.objective THEN 'behaviour'
      WHEN moved.objective > 0 THEN 'size'
      ELSE 'others'
    END AS reason_code
  FROM moved
  LEFT JOIN holder ON holder.customer_id = moved.customer_id
  LEFT JOIN closing ON closing.customer_id = moved.customer_id
  LEFT JOIN owing ON owing.customer_id = moved.customer_id
)

SELECT
  coded.customer_id,
  coded.month,
  coded.from_grade,
  coded.to_grade,
  coded.kind,
  coded.reason_code,
  words.reason,
  words.reason_zh
FROM coded
LEFT JOIN param.words ON words.code = coded.reason_code
