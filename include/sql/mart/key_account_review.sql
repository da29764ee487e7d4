/*
grain: one row per customer that is a key account now, was one in the last earlier month, or is emerging
key: [customer_id]
purpose: The yearly review of key accounts, with what a person needs to decide whether one is retained, promoted or retired.
columns:
  customer_id: {type: string, doc: The customer.}
  due_on: {type: date, doc: 'Day of the year''s review: the anniversary of the first supply; as_of for a customer that has none.'}
  is_due: {type: boolean, doc: 'The review falls into the within_days from as_of on, or the customer has ceased to be a key account or is emerging since the last month.'}
  proposal: {type: string, doc: 'retain, promote or retire: what the figures say; a person decides.'}
  grade: {type: string, doc: Grade now.}
  from_grade: {type: string, doc: Grade at the last night of the last earlier month; empty without one.}
  key_account_reason: {type: string, doc: 'grade, capacity or strategic; empty where it is no key account.'}
  kwh_12m: {type: double, doc: 'Energy of 12 periods, kWh.'}
  kwh_change: {type: double, doc: 'Energy: growth over 12 months, as in segment.customer_sign.'}
  on_time: {type: double, doc: 'Payment discipline: share of bills paid on time.'}
  mean_days_late: {type: double, doc: Mean days late.}
  current_value_amount: {type: decimal, doc: Margin of 12 months.}
  potential_value_amount: {type: decimal, doc: 'Growth: potential value.'}
  emerging_sign: {type: string, doc: 'What shows that an emerging key account grows, in words; a promotion is proposed only with it.'}
  emerging_sign_zh: {type: string, doc: The same in Chinese.}
  reason_code: {type: string, doc: 'Why this is proposed, as a code: falling, late, key, ceased, emerging.'}
  reason: {type: string, doc: Why this is proposed.}
  reason_zh: {type: string, doc: The same in Chinese.}
params:
  words:
    type: rows
    columns: {code: string, reason: string, reason_zh: string}
    default:
      - [falling, key account whose energy falls, 用电量下降的大客户]
      - [late, key account that pays late, 缴费迟缓的大客户]
      - [key, key account, 大客户]
      - [ceased, no longer among the key accounts, 已不符合大客户条件]
      - [emerging, potential far above current value, 潜在价值远高于当前价值]
    doc: What the reasons are called.
  within_days: {type: integer, default: 30, minimum: 1, maximum: 366, doc: A review is due so many days before its day.}
*/
WITH past AS (
  SELECT
    grade.customer_id,
    grade.grade,
    grade.is_key_account,
    grade.emerging_key_account
  FROM segment_state.grade
  JOIN
    (SELECT MAX(grade.month) AS month FROM segment_state.grade WHERE grade.month < MONTH_OF($as_of)
    ) AS last_month
    ON last_month.month = grade.month
),

looked_at AS (
  SELECT
    customer_grade.customer_id,
    customer_grade.grade,
    customer_grade.key_account_reason,
    customer_grade.is_key_account,
    customer_grade.emerging_key_account,
    past.grade AS from_grade,
    COALESCE(past.is_key_account, FALSE) AS was_key_account,
    COALESCE(past.emerging_key_account, FALSE) AS was_emerging,
    past.customer_id IS NOT NULL AS was_graded,
    customer_base.kwh_12m,
    customer_base.first_opened_on,
    customer_behaviour.on_time,
    customer_behaviour.mean_days_late,
    customer_value.current_value_amount,
    customer_value.potential_value_amount,
    customer_sign.kwh_change,
    customer_sign.trend,
    customer_grade.emerging_sign,
    customer_grade.emerging_sign_zh,
    -- Months to the next anniversary, this month's included.
    (EXTRACT(YEAR FROM $as_of) - EXTRACT(YEAR FROM customer_base.first_opened_on)) * 12 AS months_to_this_year
  FROM segment.customer_grade
  JOIN segment.customer_base ON customer_base.customer_id = customer_grade.customer_id
  JOIN segment.customer_behaviour ON customer_behaviour.customer_id = customer_grade.customer_id
  JOIN segment.customer_value ON customer_value.customer_id = customer_grade.customer_id
  LEFT JOIN past ON past.customer_id = customer_grade.customer_id
  LEFT JOIN segment.customer_sign ON customer_sign.customer_id = customer_grade.customer_id
  WHERE
    customer_grade.is_key_account
    OR COALESCE(past.is_key_account, FALSE)
    OR customer_grade.emerging_key_account
),

dated AS (
  SELECT
    looked_at.*,
    CASE
      WHEN looked_at.first_opened_on IS NULL THEN $as_of
      WHEN ADD_MONTHS(looked_at.first_opened_on, CAST(looked_at.months_to_this_year AS INTEGER)) >= $as_of
        THEN ADD_MONTHS(looked_at.first_opened_on, CAST(looked_at.months_to_this_year AS INTEGER))
      ELSE ADD_MONTHS(looked_at.first_opened_on, CAST(looked_at.months_to_this_year + 12 AS INTEGER)) END
      AS due_on
  FROM looked_at
),

coded AS (
  SELECT
    dated.customer_id,
    dated.due_on,
    (dated.is_key_account AND DATE_DIFF('day', $as_of, dated.due_on) < $within_days)
    OR (dated.was_key_account AND NOT dated.is_key_account)
    OR (
      dated.emerging_key_account AND NOT dated.is_key_account AND dated.was_graded AND NOT dated.was_emerging
    ) AS is_due,
    CASE WHEN dated.is_key_account THEN 'retain' WHEN dated.was_key_account THEN 'retire' ELSE 'promote' END
      AS proposal,
    dated.grade,
    dated.from_grade,
    dated.key_account_reason,
    dated.kwh_12m,
    dated.kwh_change,
    dated.on_time,
    dated.mean_days_late,
    dated.current_value_amount,
    dated.potential_value_amount,
    dated.emerging_sign,
    dated.emerging_sign_zh,
    CASE
      WHEN dated.is_key_account AND dated.trend = 'falling' THEN 'falling'
      WHEN dated.is_key_account AND dated.on_time < 0.75 THEN 'late'
      WHEN dated.is_key_account THEN 'key'
      WHEN dated.was_key_account THEN 'ceased'
      ELSE 'emerging'
    END AS reason_code
  FROM dated
)

SELECT
  coded.customer_id,
  coded.due_on,
  coded.is_due,
  coded.proposal,
  coded.grade,
  coded.from_grade,
  coded.key_account_reason,
  coded.kwh_12m,
  coded.kwh_change,
  coded.on_time,
  coded.mean_days_late,
  coded.current_value_amount,
  coded.potential_value_amount,
  coded.emerging_sign,
  coded.emerging_sign_zh,
  coded.reason_code,
  CASE
    WHEN coded.reason_code = 'emerging' THEN CONCAT(words.reason, ': ', coded.emerging_sign)
    ELSE words.reason
  END AS reason,
  CASE
    WHEN coded.reason_code = 'emerging' THEN CONCAT(words.reason_zh, '：', coded.emerging_sign_zh)
    ELSE words.reason_zh
  END AS reason_zh
FROM coded
LEFT JOIN param.words ON words.code = coded.reason_code
