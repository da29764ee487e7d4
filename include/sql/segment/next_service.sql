/*
grain: one row per live account and service it does not hold but an association rule suggests, the best ones
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
  SELECT service_rule.antecedent_1 AS product_code FROM segment.service_rule
  UNION
  SELECT service_rule.antecedent_2 AS product_code
  FROM segment.service_rule
  WHERE service_rule.antecedent_2 IS NOT NULL
  UNION
  SELECT service_rule.product_code FROM segment.service_rule
),

numbered AS (
  SELECT
    named.product_code,
    CAST(POWER(CAST(2 AS DOUBLE), ROW_NUMBER() OVER (ORDER BY named.product_code) - 1) AS DECIMAL(38, 0))
      AS bit
  FROM named
),

held AS (
  SELECT DISTINCT
    product_holding.account_id,
    live_account.usage_category,
    numbered.product_code,
    numbered.bit
  FROM source.product_holding
  JOIN numbered ON numbered.product_code = product_holding.product_code
  JOIN core.live_account ON live_account.account_id = product_holding.account_id
  WHERE
    product_holding.since_on <= $as_of
    AND (product_holding.until_on IS NULL OR product_holding.until_on >= $as_of)
),

basket AS (
  SELECT
    held.account_id,
    held.usage_category,
    SUM(held.bit) AS bits
  FROM held
  GROUP BY held.account_id, held.usage_category
),

kind AS (
  SELECT
    basket.usage_category,
    basket.bits,
    MIN(basket.account_id) AS account_id
  FROM basket
  GROUP BY basket.usage_category, basket.bits
),

content AS (
  SELECT
    kind.usage_category,
    kind.bits,
    held.product_code
  FROM kind
  JOIN held ON held.account_id = kind.account_id
),

suggested AS (
  SELECT
    content.usage_category,
    content.bits,
    service_rule.product_code,
    service_rule.rule_no,
    service_rule.lift,
    service_rule.confidence,
    service_rule.expected_take_up,
    ROW_NUMBER() OVER (
      PARTITION BY content.usage_category, content.bits, service_rule.product_code
      ORDER BY service_rule.expected_take_up DESC, service_rule.lift DESC, service_rule.rule_no
    ) AS rule_place
  FROM content
  JOIN segment.service_rule ON service_rule.antecedent_1 = content.product_code
  LEFT JOIN content AS second_content
    ON second_content.usage_category = content.usage_category
    AND second_content.bits = content.bits
    AND second_content.product_code = service_rule.antecedent_2
  LEFT JOIN content AS same_product
    ON same_product.usage_category = content.usage_category
    AND same_product.bits = content.bits
    AND same_product.product_code = service_rule.product_code
  LEFT JOIN param.not_for
    ON not_for.product_code = service_rule.product_code AND not_for.usage_category = content.usage_category
  WHERE
    (service_rule.antecedent_2 IS NULL OR second_content.product_code IS NOT NULL)
    AND same_product.product_code IS NULL
    AND not_for.product_code IS NULL
),

placed AS (
  SELECT
    suggested.usage_category,
    suggested.bits,
    suggested.product_code,
    suggested.rule_no,
    suggested.lift,
    suggested.confidence,
    suggested.expected_take_up,
    ROW_NUMBER()
      OVER (
        PARTITION BY suggested.usage_category, suggested.bits
        ORDER BY suggested.expected_take_up DESC, suggested.lift DESC, suggested.product_code
      )
      AS place
  FROM suggested
  WHERE suggested.rule_place = 1
)

SELECT
  basket.account_id,
  placed.product_code,
  placed.place,
  placed.rule_no,
  placed.lift,
  placed.confidence,
  placed.expected_take_up
FROM basket
JOIN placed ON placed.usage_category = basket.usage_category AND placed.bits = basket.bits
WHERE placed.place <= $most
