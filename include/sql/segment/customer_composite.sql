/*
grain: one row per customer
key: [customer_id]
purpose: >-
  The composite segment: the first row of the decision table whose filled-in conditions all hold. An empty
  condition holds for everybody; the last row has none, so that every customer is in exactly one segment. No segment
  hangs on the model of leaving alone: where that is not good enough, its band is empty and its rows fit nobody.
columns:
  customer_id: {type: string, doc: The customer.}
  rule_no: {type: integer, doc: The row of the decision table; empty where none fits.}
  segment: {type: string, doc: 'The segment; unassigned where no row fits.'}
  arrears_band: {type: integer, doc: Highest arrears band of the live accounts.}
  leave_band: {type: integer, doc: Highest leaving band of the live accounts; empty where the model is not good enough (see segment.leave_score).}
params:
  decision:
    type: rows
    columns: {rule_no: integer, segment: string, has_supply: boolean, is_key: boolean, is_emerging: boolean, is_business: boolean, worst_grade: string, arrears_from: integer, leave_from: integer, payer: string, value_cell: string, time_of_use: string, tenure_band: string, has_next_service: boolean, cluster: string, trend: string, has_closing_order: boolean}
    default:
      - [1, without supply, false, null, null, null, null, null, null, null, null, null, null, null, null, null, null]
      - [2, key at risk, true, true, null, null, null, null, null, null, null, null, null, null, null, falling, null]
      - [3, key at risk, true, true, null, null, null, null, null, null, null, null, null, null, null, null, true]
      - [4, key at risk, true, true, null, null, null, null, 4, null, null, null, null, null, null, null, null]
      - [5, key partner, true, true, null, null, null, null, null, null, null, null, null, null, null, null, null]
      - [6, payment rescue, true, null, null, null, null, 5, null, null, null, null, null, null, null, null, null]
      - [7, payment watch, true, null, null, null, null, 4, null, null, null, null, null, null, null, null, null]
      - [8, leaving, true, null, null, null, null, null, null, null, null, null, null, null, null, null, true]
      - [9, leaving, true, null, null, null, null, null, 4, null, null, null, null, null, null, null, null]
      - [10, rising star, true, null, true, null, null, null, null, null, null, null, null, null, null, null, null]
      - [11, core business, true, null, null, true, C, null, null, null, null, null, null, null, null, null, null]
      - [12, growing business, true, null, null, true, null, null, null, null, null, null, null, null, null, growing, null]
      - [13, growing business, true, null, null, true, null, null, null, null, climber, null, null, null, null, null, null]
      - [14, growing business, true, null, null, true, null, null, null, null, sleeper, null, null, null, null, null, null]
      - [15, night business, true, null, null, true, null, null, null, null, null, night, null, null, null, null, null]
      - [16, night business, true, null, null, true, null, null, null, null, null, null, null, null, 'night%', null, null]
      - [17, small business, true, null, null, true, null, null, null, null, null, null, null, null, null, null, null]
      - [18, newcomer, true, null, null, null, null, null, null, null, null, null, new, null, null, null, null]
      - [19, service prospect, true, null, null, null, null, null, null, null, null, null, null, true, null, null, null]
      - [20, digital home, true, null, null, null, null, null, null, automatic, null, null, null, null, null, null, null]
      - [21, home, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null]
    doc: Rows are tried from the lowest rule_no on. worst_grade C holds for A to C; *_from holds for that band and above; cluster is a LIKE pattern.
  take_up_from: {type: number, default: 0.10, minimum: 0, maximum: 1, doc: Expected take-up from which a next service counts.}
*/
WITH band AS (
  SELECT
    live_account.customer_id,
    MAX(arrears_score.band) AS arrears_band,
    MAX(leave_score.band) AS leave_band
  FROM core.live_account
  LEFT JOIN segment.arrears_score ON arrears_score.account_id = live_account.account_id
  LEFT JOIN segment.leave_score ON leave_score.account_id = live_account.account_id
  GROUP BY live_account.customer_id
),

fact AS (
  SELECT
    customer_grade.customer_id,
    customer_grade.is_graded AS has_supply,
    customer_grade.is_key_account AS is_key,
    customer_grade.emerging_key_account AS is_emerging,
    customer_grade.grade,
    customer_static.is_business,
    customer_static.tenure_band,
    band.arrears_band,
    band.leave_band,
    customer_conduct.payer,
    customer_conduct.time_of_use,
    customer_value_cell.segment AS value_cell,
    customer_cluster.segment AS cluster,
    COALESCE(customer_association.expected_take_up >= $take_up_from, FALSE) AS has_next_service,
    customer_sign.trend,
    customer_sign.has_closing_order
  FROM segment.customer_grade
  JOIN segment.customer_static ON customer_static.customer_id = customer_grade.customer_id
  JOIN segment.customer_conduct ON customer_conduct.customer_id = customer_grade.customer_id
  JOIN segment.customer_value_cell ON customer_value_cell.customer_id = customer_grade.customer_id
  JOIN segment.customer_cluster ON customer_cluster.customer_id = customer_grade.customer_id
  JOIN segment.customer_association ON customer_association.customer_id = customer_grade.customer_id
  LEFT JOIN segment.customer_sign ON customer_sign.customer_id = customer_grade.customer_id
  LEFT JOIN band ON band.customer_id = customer_grade.customer_id
),

met AS (
  SELECT
    fact.customer_id,
    MIN(decision.rule_no) AS rule_no
  FROM fact
  JOIN param.decision
    ON (decision.has_supply IS NULL OR decision.has_supply = fact.has_supply)
    AND (decision.is_key IS NULL OR decision.is_key = fact.is_key)
    AND (decision.is_emerging IS NULL OR decision.is_emerging = fact.is_emerging)
    AND (decision.is_business IS NULL OR decision.is_business = fact.is_business)
    AND (decision.worst_grade IS NULL OR fact.grade <= decision.worst_grade)
    AND (decision.arrears_from IS NULL OR fact.arrears_band >= decision.arrears_from)
    AND (decision.leave_from IS NULL OR fact.leave_band >= decision.leave_from)
    AND (decision.payer IS NULL OR decision.payer = fact.payer)
    AND (decision.value_cell IS NULL OR decision.value_cell = fact.value_cell)
    AND (decision.time_of_use IS NULL OR decision.time_of_use = fact.time_of_use)
    AND (decision.tenure_band IS NULL OR decision.tenure_band = fact.tenure_band)
    AND (decision.has_next_service IS NULL OR decision.has_next_service = fact.has_next_service)
    AND (decision.cluster IS NULL OR fact.cluster LIKE decision.cluster)
    AND (decision.trend IS NULL OR decision.trend = fact.trend)
    AND (decision.has_closing_order IS NULL OR decision.has_closing_order = fact.has_closing_order)
  GROUP BY fact.customer_id
)

SELECT
  fact.customer_id,
  met.rule_no,
  COALESCE(decision.segment, 'unassigned') AS segment,
  fact.arrears_band,
  fact.leave_band
FROM fact
LEFT JOIN met ON met.customer_id = fact.customer_id
LEFT JOIN param.decision ON decision.rule_no = met.rule_no
