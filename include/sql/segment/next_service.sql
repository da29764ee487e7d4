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
-- What is suggested hangs on what an account holds and what it uses energy for, and few such baskets differ:
-- the rules are tried once a basket, for the account that stands for it.
WITH named AS (
  SELECT r.antecedent_1 AS product_code FROM segment.service_rule AS r
  UNION
  SELECT r.antecedent_2 AS product_code FROM segment.service_rule AS r WHERE r.antecedent_2 IS NOT NULL
  UNION
  SELECT r.product_code FROM segment.service_rule AS r
),
numbered AS (
  SELECT n.product_code,
         CAST(POWER(CAST(2 AS DOUBLE), ROW_NUMBER() OVER (ORDER BY n.product_code) - 1) AS DECIMAL(38,0)) AS bit
  FROM named AS n
),
held AS (
  SELECT DISTINCT h.account_id, a.usage_category, n.product_code, n.bit
  FROM source.product_holding AS h
  JOIN numbered AS n ON n.product_code = h.product_code
  JOIN core.live_account AS a ON a.account_id = h.account_id
  WHERE h.since_on <= $as_of AND (h.until_on IS NULL OR h.until_on >= $as_of)
),
basket AS (
  SELECT h.account_id, h.usage_category, SUM(h.bit) AS bits
  FROM held AS h
  GROUP BY h.account_id, h.usage_category
),
kind AS (
  SELECT b.usage_category, b.bits, MIN(b.account_id) AS account_id
  FROM basket AS b
  GROUP BY b.usage_category, b.bits
),
content AS (
  SELECT k.usage_category, k.bits, h.product_code
  FROM kind AS k
  JOIN held AS h ON h.account_id = k.account_id
),
suggested AS (
  SELECT f.usage_category, f.bits, r.product_code, r.rule_no, r.lift, r.confidence, r.expected_take_up,
         ROW_NUMBER() OVER (PARTITION BY f.usage_category, f.bits, r.product_code
                            ORDER BY r.expected_take_up DESC, r.lift DESC, r.rule_no) AS rule_place
  FROM content AS f
  JOIN segment.service_rule AS r ON r.antecedent_1 = f.product_code
  LEFT JOIN content AS g ON g.usage_category = f.usage_category AND g.bits = f.bits AND g.product_code = r.antecedent_2
  LEFT JOIN content AS p ON p.usage_category = f.usage_category AND p.bits = f.bits AND p.product_code = r.product_code
  LEFT JOIN param.not_for AS n ON n.product_code = r.product_code AND n.usage_category = f.usage_category
  WHERE (r.antecedent_2 IS NULL OR g.product_code IS NOT NULL) AND p.product_code IS NULL AND n.product_code IS NULL
),
placed AS (
  SELECT s.usage_category, s.bits, s.product_code, s.rule_no, s.lift, s.confidence, s.expected_take_up,
         ROW_NUMBER() OVER (PARTITION BY s.usage_category, s.bits ORDER BY s.expected_take_up DESC, s.lift DESC, s.product_code) AS place
  FROM suggested AS s
  WHERE s.rule_place = 1
)
SELECT b.account_id, p.product_code, p.place, p.rule_no, p.lift, p.confidence, p.expected_take_up
FROM basket AS b
JOIN placed AS p ON p.usage_category = b.usage_category AND p.bits = b.bits
WHERE p.place <= $most
