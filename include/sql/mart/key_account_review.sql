/*
grain: one row a customer that is a key account now, was one in the last earlier month, or is emerging
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
  kwh_change: {type: double, doc: 'Energy: half year over the same a year before less 1.'}
  on_time: {type: double, doc: 'Payment discipline: share of bills paid on time.'}
  mean_days_late: {type: double, doc: Mean days late.}
  current_value_amount: {type: decimal, doc: Margin of 12 months.}
  potential_value_amount: {type: decimal, doc: 'Growth: potential value.'}
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
      - [emerging, 'potential among the highest, current value not yet', 潜在价值居前而当前价值尚低]
    doc: What the reasons are called.
  within_days: {type: integer, default: 30, minimum: 1, maximum: 366, doc: A review is due so many days before its day.}
*/
WITH past AS (
  SELECT s.customer_id, s.grade, s.is_key_account, s.emerging_key_account
  FROM segment_state.grade AS s
  JOIN (SELECT MAX(p.month) AS month FROM segment_state.grade AS p WHERE p.month < MONTH_OF($as_of)) AS m ON m.month = s.month
),
trend AS (
  SELECT a.customer_id,
         DECIMAL_SUM(y.kwh_half) AS now_kwh,
         DECIMAL_SUM(y.kwh_half_before) AS before_kwh
  FROM core.live_account AS a
  JOIN segment.account_year AS y ON y.account_id = a.account_id
  WHERE y.kwh_half IS NOT NULL AND y.kwh_half_before IS NOT NULL
  GROUP BY a.customer_id
),
looked_at AS (
  SELECT g.customer_id, g.grade, g.key_account_reason, g.is_key_account, g.emerging_key_account, p.grade AS from_grade,
         COALESCE(p.is_key_account, FALSE) AS was_key_account, COALESCE(p.emerging_key_account, FALSE) AS was_emerging,
         p.customer_id IS NOT NULL AS was_graded,
         b.kwh_12m, b.first_opened_on, h.on_time, h.mean_days_late, v.current_value_amount, v.potential_value_amount,
         ROUND(RATIO(t.now_kwh, t.before_kwh) - 1, 6) AS kwh_change,
         -- Months to the next anniversary, this month's included.
         (EXTRACT(YEAR FROM $as_of) - EXTRACT(YEAR FROM b.first_opened_on)) * 12 AS months_to_this_year
  FROM segment.customer_grade AS g
  JOIN segment.customer_base AS b ON b.customer_id = g.customer_id
  JOIN segment.customer_behaviour AS h ON h.customer_id = g.customer_id
  JOIN segment.customer_value AS v ON v.customer_id = g.customer_id
  LEFT JOIN past AS p ON p.customer_id = g.customer_id
  LEFT JOIN trend AS t ON t.customer_id = g.customer_id
  WHERE g.is_key_account OR COALESCE(p.is_key_account, FALSE) OR g.emerging_key_account
),
dated AS (
  SELECT l.*,
         CASE WHEN l.first_opened_on IS NULL THEN $as_of
              WHEN ADD_MONTHS(l.first_opened_on, CAST(l.months_to_this_year AS INTEGER)) >= $as_of
              THEN ADD_MONTHS(l.first_opened_on, CAST(l.months_to_this_year AS INTEGER))
              ELSE ADD_MONTHS(l.first_opened_on, CAST(l.months_to_this_year + 12 AS INTEGER)) END AS due_on
  FROM looked_at AS l
),
coded AS (
  SELECT d.customer_id,
         d.due_on,
         (d.is_key_account AND DATE_DIFF('day', $as_of, d.due_on) < $within_days)
           OR (d.was_key_account AND NOT d.is_key_account)
           OR (d.emerging_key_account AND NOT d.is_key_account AND d.was_graded AND NOT d.was_emerging) AS is_due,
         CASE WHEN d.is_key_account THEN 'retain' WHEN d.was_key_account THEN 'retire' ELSE 'promote' END AS proposal,
         d.grade,
         d.from_grade,
         d.key_account_reason,
         d.kwh_12m,
         d.kwh_change,
         d.on_time,
         d.mean_days_late,
         d.current_value_amount,
         d.potential_value_amount,
         CASE WHEN d.is_key_account AND d.kwh_change <= -0.2 THEN 'falling'
              WHEN d.is_key_account AND d.on_time < 0.75 THEN 'late'
              WHEN d.is_key_account THEN 'key'
              WHEN d.was_key_account THEN 'ceased'
              ELSE 'emerging' END AS reason_code
  FROM dated AS d
)
SELECT c.customer_id, c.due_on, c.is_due, c.proposal, c.grade, c.from_grade, c.key_account_reason, c.kwh_12m, c.kwh_change, c.on_time,
       c.mean_days_late, c.current_value_amount, c.potential_value_amount, c.reason_code, n.reason, n.reason_zh
FROM coded AS c
LEFT JOIN param.words AS n ON n.code = c.reason_code
