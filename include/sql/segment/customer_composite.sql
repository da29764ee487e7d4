/*
grain: one row a customer
key: [customer_id]
purpose: >-
  The composite segment: the first row of the decision table whose filled-in conditions all hold. An empty
  condition holds for everybody; the last row has none, so that every customer is in exactly one segment.
columns:
  customer_id: {type: string, doc: The customer.}
  rule_no: {type: integer, doc: The row of the decision table; empty where none fits.}
  segment: {type: string, doc: 'The segment; unassigned where no row fits.'}
  arrears_band: {type: integer, doc: Highest arrears band of the live accounts.}
  leave_band: {type: integer, doc: Highest leaving band of the live accounts.}
params:
  decision:
    type: rows
    columns: {rule_no: integer, segment: string, has_supply: boolean, is_key: boolean, is_emerging: boolean, is_business: boolean, worst_grade: string, arrears_from: integer, leave_from: integer, payer: string, value_cell: string, time_of_use: string, tenure_band: string, has_next_service: boolean, cluster: string}
    default:
      - [1, without supply, false, null, null, null, null, null, null, null, null, null, null, null, null]
      - [2, key at risk, true, true, null, null, null, null, 4, null, null, null, null, null, null]
      - [3, key partner, true, true, null, null, null, null, null, null, null, null, null, null, null]
      - [4, payment rescue, true, null, null, null, null, 5, null, null, null, null, null, null, null]
      - [5, payment watch, true, null, null, null, null, 4, null, null, null, null, null, null, null]
      - [6, leaving, true, null, null, null, null, null, 4, null, null, null, null, null, null]
      - [7, rising star, true, null, true, null, null, null, null, null, null, null, null, null, null]
      - [8, core business, true, null, null, true, C, null, null, null, null, null, null, null, null]
      - [9, growing business, true, null, null, true, null, null, null, null, climber, null, null, null, null]
      - [10, growing business, true, null, null, true, null, null, null, null, sleeper, null, null, null, null]
      - [11, night business, true, null, null, true, null, null, null, null, null, night, null, null, null]
      - [12, night business, true, null, null, true, null, null, null, null, null, null, null, null, '%night peak%']
      - [13, small business, true, null, null, true, null, null, null, null, null, null, null, null, null]
      - [14, newcomer, true, null, null, null, null, null, null, null, null, null, new, null, null]
      - [15, service prospect, true, null, null, null, null, null, null, null, null, null, null, true, null]
      - [16, digital home, true, null, null, null, null, null, null, automatic, null, null, null, null, null]
      - [17, home, null, null, null, null, null, null, null, null, null, null, null, null, null]
    doc: Rows are tried from the lowest rule_no on. worst_grade C holds for A to C; *_from holds for that band and above; cluster is a LIKE pattern.
  take_up_from: {type: number, default: 0.10, minimum: 0, maximum: 1, doc: Expected take-up from which a next service counts.}
*/
WITH band AS (
  SELECT a.customer_id, MAX(r.band) AS arrears_band, MAX(l.band) AS leave_band
  FROM core.live_account AS a
  LEFT JOIN segment.arrears_score AS r ON r.account_id = a.account_id
  LEFT JOIN segment.leave_score AS l ON l.account_id = a.account_id
  GROUP BY a.customer_id
),
fact AS (
  SELECT g.customer_id, g.is_graded AS has_supply, g.is_key_account AS is_key, g.emerging_key_account AS is_emerging, g.grade,
         s.is_business, s.tenure_band, b.arrears_band, b.leave_band, h.payer, h.time_of_use, v.segment AS value_cell, c.segment AS cluster,
         COALESCE(n.expected_take_up >= $take_up_from, FALSE) AS has_next_service
  FROM segment.customer_grade AS g
  JOIN segment.customer_static AS s ON s.customer_id = g.customer_id
  JOIN segment.customer_conduct AS h ON h.customer_id = g.customer_id
  JOIN segment.customer_value_cell AS v ON v.customer_id = g.customer_id
  JOIN segment.customer_cluster AS c ON c.customer_id = g.customer_id
  JOIN segment.customer_association AS n ON n.customer_id = g.customer_id
  LEFT JOIN band AS b ON b.customer_id = g.customer_id
),
met AS (
  SELECT f.customer_id, MIN(d.rule_no) AS rule_no
  FROM fact AS f
  JOIN param.decision AS d
    ON (d.has_supply IS NULL OR d.has_supply = f.has_supply)
   AND (d.is_key IS NULL OR d.is_key = f.is_key)
   AND (d.is_emerging IS NULL OR d.is_emerging = f.is_emerging)
   AND (d.is_business IS NULL OR d.is_business = f.is_business)
   AND (d.worst_grade IS NULL OR f.grade <= d.worst_grade)
   AND (d.arrears_from IS NULL OR f.arrears_band >= d.arrears_from)
   AND (d.leave_from IS NULL OR f.leave_band >= d.leave_from)
   AND (d.payer IS NULL OR d.payer = f.payer)
   AND (d.value_cell IS NULL OR d.value_cell = f.value_cell)
   AND (d.time_of_use IS NULL OR d.time_of_use = f.time_of_use)
   AND (d.tenure_band IS NULL OR d.tenure_band = f.tenure_band)
   AND (d.has_next_service IS NULL OR d.has_next_service = f.has_next_service)
   AND (d.cluster IS NULL OR f.cluster LIKE d.cluster)
  GROUP BY f.customer_id
)
SELECT f.customer_id, m.rule_no, COALESCE(d.segment, 'unassigned') AS segment, f.arrears_band, f.leave_band
FROM fact AS f
LEFT JOIN met AS m ON m.customer_id = f.customer_id
LEFT JOIN param.decision AS d ON d.rule_no = m.rule_no
