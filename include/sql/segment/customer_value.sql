/*
grain: one row per customer
key: [customer_id]
purpose: >-
  Level 3 of the grading: what a customer is worth. Amounts are brought to 0..1 on a fixed logarithmic scale,
  so that one customer's score never depends on another's.
columns:
  customer_id: {type: string, doc: The customer.}
  current_value_amount: {type: decimal, doc: Margin of 12 months over the live accounts.}
  potential_value_amount: {type: decimal, doc: Yearly amount that could be won over the live accounts.}
  credit: {type: double, doc: '1 less the highest arrears probability of the live accounts; empty without any.'}
  current_part: {type: double, doc: 'ln(1 + current value) over ln(1 + full_current_amount), 0 to 1; 0 where negative.'}
  potential_part: {type: double, doc: 'The same of the potential value.'}
  value_score: {type: double, doc: '0 to 100: 100 times the weighted mean of the two parts and credit; 0 without a live account.'}
params:
  full_current_amount: {type: number, default: 1000000, minimum: 1, doc: A current value from here on counts 1.}
  full_potential_amount: {type: number, default: 500000, minimum: 1, doc: A potential value from here on counts 1.}
  current_weight: {type: number, default: 0.5, minimum: 0, maximum: 1, doc: Weight of current value.}
  potential_weight: {type: number, default: 0.3, minimum: 0, maximum: 1, doc: Weight of potential value.}
  credit_weight: {type: number, default: 0.2, minimum: 0, maximum: 1, doc: Weight of credit.}
*/
WITH summed AS (
  SELECT
    account_value.customer_id,
    SUM(account_value.current_value_amount) AS current_value_amount,
    SUM(account_value.potential_value_amount) AS potential_value_amount,
    1 - MAX(arrears_score.probability) AS credit
  FROM segment.account_value
  LEFT JOIN segment.arrears_score ON arrears_score.account_id = account_value.account_id
  GROUP BY account_value.customer_id
),

part AS (
  SELECT
    customer_base.customer_id,
    MONEY(COALESCE(summed.current_value_amount, 0)) AS current_value_amount,
    MONEY(COALESCE(summed.potential_value_amount, 0)) AS potential_value_amount,
    ROUND(summed.credit, 6) AS credit,
    summed.customer_id IS NOT NULL AS has_account,
    ROUND(
      LEAST(
        RATIO(
          LN(1 + GREATEST(CAST(COALESCE(summed.current_value_amount, 0) AS DOUBLE), CAST(0 AS DOUBLE))),
          LN(1 + CAST($full_current_amount AS DOUBLE))
        ),
        CAST(1 AS DOUBLE)
      ),
      6
    ) AS current_part,
    ROUND(
      LEAST(
        RATIO(
          LN(1 + GREATEST(CAST(COALESCE(summed.potential_value_amount, 0) AS DOUBLE), CAST(0 AS DOUBLE))),
          LN(1 + CAST($full_potential_amount AS DOUBLE))
        ),
        CAST(1 AS DOUBLE)
      ),
      6
    ) AS potential_part
  FROM segment.customer_base
  LEFT JOIN summed ON summed.customer_id = customer_base.customer_id
)

SELECT
  part.customer_id,
  part.current_value_amount,
  part.potential_value_amount,
  part.credit,
  part.current_part,
  part.potential_part,
  CASE
    WHEN part.has_account
      THEN
        ROUND(
          RATIO(
            100 * (
              part.current_part * CAST($current_weight AS DOUBLE)
              + part.potential_part * CAST($potential_weight AS DOUBLE)
              + COALESCE(part.credit, CAST(1 AS DOUBLE)) * CAST($credit_weight AS DOUBLE)
            ),
            CAST($current_weight AS DOUBLE)
            + CAST($potential_weight AS DOUBLE)
            + CAST($credit_weight AS DOUBLE)
          ),
          4
        )
    ELSE CAST(0 AS DOUBLE)
  END AS value_score
FROM part
