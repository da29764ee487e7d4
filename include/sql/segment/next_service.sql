/*
grain: one row a live account and service it does not hold but an association rule suggests, the best ones
key: [account_id, product_code]
purpose: 'The next best services of an account: by expected take-up, then lift.'
columns:
  account_id: {type: string, doc: The supply account.}
  product_code: {type: string, doc: The service.}
  place: {type: integer, doc: 1 is the best.}
  rule_no: {type: integer, doc: The rule that suggests it most.}
  lift: {type: double, doc: Of that rule.}
  confidence: {type: double, doc: Of that rule.}
  expected_take_up: {type: double, doc: Of that rule; share that takes it up within a year.}
params:
  most: {type: integer, default: 3, minimum: 1, maximum: 13, doc: Services suggested for one account.}
  not_for:
    type: rows
    columns: {product_code: string, usage_category: string}
    default: [[interruptible_load, residential], [energy_audit, residential]]
    doc: Services that are not offered to a usage category.
*/
WITH held AS (
  SELECT DISTINCT h.account_id, h.product_code
  FROM source.product_holding AS h
  JOIN core.live_account AS a ON a.account_id = h.account_id
  WHERE h.since_on <= $as_of AND (h.until_on IS NULL OR h.until_on >= $as_of)
),
suggested AS (
  SELECT f.account_id, r.product_code, r.rule_no, r.lift, r.confidence, r.expected_take_up,
         ROW_NUMBER() OVER (PARTITION BY f.account_id, r.product_code
                            ORDER BY r.expected_take_up DESC, r.lift DESC, r.rule_no) AS rule_place
  FROM held AS f
  JOIN segment.service_rule AS r ON r.antecedent_1 = f.product_code
  JOIN core.live_account AS a ON a.account_id = f.account_id
  LEFT JOIN held AS g ON g.account_id = f.account_id AND g.product_code = r.antecedent_2
  LEFT JOIN held AS p ON p.account_id = f.account_id AND p.product_code = r.product_code
  LEFT JOIN param.not_for AS n ON n.product_code = r.product_code AND n.usage_category = a.usage_category
  WHERE (r.antecedent_2 IS NULL OR g.account_id IS NOT NULL) AND p.account_id IS NULL AND n.product_code IS NULL
),
placed AS (
  SELECT s.account_id, s.product_code, s.rule_no, s.lift, s.confidence, s.expected_take_up,
         ROW_NUMBER() OVER (PARTITION BY s.account_id ORDER BY s.expected_take_up DESC, s.lift DESC, s.product_code) AS place
  FROM suggested AS s
  WHERE s.rule_place = 1
)
SELECT p.account_id, p.product_code, p.place, p.rule_no, p.lift, p.confidence, p.expected_take_up
FROM placed AS p
WHERE p.place <= $most
