/*
grain: one row per customer
key: [customer_id]
purpose: >-
  The composite grade, key and emerging key accounts. Customers with a live account are ranked by a composite
  of the three levels and cut at fixed shares; equal composites get the same, lower grade, so a grade never
  holds more than its share. A customer without a live account is E and takes no part in the ranking.
columns:
  customer_id: {type: string, doc: The customer.}
  is_graded: {type: boolean, doc: Has a live account and is ranked.}
  objective_tier: {type: integer, doc: '1 to 5.'}
  behaviour_tier: {type: integer, doc: '1 to 5.'}
  value_score: {type: double, doc: '0 to 100.'}
  composite: {type: double, doc: '0 to 100: tiers times 20 and the value score, weighted as in segment.grade_parameter.'}
  rank_share: {type: double, doc: Share of ranked customers whose composite is at least this one's.}
  grade: {type: string, doc: 'A to E.'}
  is_strategic: {type: boolean, doc: On the utility's list.}
  is_key_account: {type: boolean, doc: 'Grade A, an account of at least key_kva, or strategic.'}
  key_account_reason: {type: string, doc: 'grade, capacity, strategic: the first that holds; empty where none does.'}
  emerging_key_account: {type: boolean, doc: Current value below the A share and potential value within top_potential_share.}
params:
  share_a: {type: number, default: 0.01, minimum: 0, maximum: 1, doc: Largest share of customers graded A.}
  share_b: {type: number, default: 0.04, minimum: 0, maximum: 1, doc: The same for B.}
  share_c: {type: number, default: 0.15, minimum: 0, maximum: 1, doc: The same for C.}
  share_d: {type: number, default: 0.30, minimum: 0, maximum: 1, doc: The same for D; E is the rest.}
  key_kva: {type: number, default: 3150, minimum: 0, doc: 'An account from here on makes a key account, kVA.'}
  strategic: {type: list, columns: {customer_id: string}, default: [], doc: Customers the utility calls strategic.}
  top_potential_share: {type: number, default: 0.10, minimum: 0, maximum: 1, doc: The share of customers of highest potential value.}
*/
WITH composed AS (
  SELECT
    customer_base.customer_id,
    customer_base.live_accounts > 0 AS is_graded,
    customer_base.max_account_kva,
    customer_objective.objective_tier,
    customer_behaviour.behaviour_tier,
    customer_value.value_score,
    customer_value.current_value_amount,
    customer_value.potential_value_amount,
    CAST(HALF_UP(
      customer_objective.objective_tier * 20 * grade_parameter.objective_weight
      + customer_behaviour.behaviour_tier * 20 * grade_parameter.behaviour_weight
      + customer_value.value_score * grade_parameter.value_weight, 4
    ) AS DOUBLE) AS composite
  FROM segment.customer_base
  JOIN segment.customer_objective ON customer_objective.customer_id = customer_base.customer_id
  JOIN segment.customer_behaviour ON customer_behaviour.customer_id = customer_base.customer_id
  JOIN segment.customer_value ON customer_value.customer_id = customer_base.customer_id
  CROSS JOIN segment.grade_parameter
),

ranked AS (
  SELECT
    composed.*,
    ROUND(CUME_DIST() OVER (PARTITION BY composed.is_graded ORDER BY composed.composite DESC), 9)
      AS rank_share,
    ROUND(CUME_DIST() OVER (PARTITION BY composed.is_graded ORDER BY composed.current_value_amount DESC), 9)
      AS current_share,
    ROUND(CUME_DIST() OVER (PARTITION BY composed.is_graded ORDER BY composed.potential_value_amount DESC), 9)
      AS potential_share
  FROM composed
),

graded AS (
  SELECT
    ranked.*,
    CASE
      WHEN NOT ranked.is_graded THEN 'E'
      WHEN ranked.rank_share <= ROUND(CAST($share_a AS DOUBLE), 9) THEN 'A'
      WHEN ranked.rank_share <= ROUND(CAST($share_a AS DOUBLE) + CAST($share_b AS DOUBLE), 9) THEN 'B'
      WHEN
        ranked.rank_share
        <= ROUND(CAST($share_a AS DOUBLE) + CAST($share_b AS DOUBLE) + CAST($share_c AS DOUBLE), 9)
        THEN 'C'
      WHEN ranked.rank_share <= ROUND(
        CAST($share_a AS DOUBLE) + CAST($share_b AS DOUBLE) + CAST($share_c AS DOUBLE)
        + CAST($share_d AS DOUBLE), 9
      ) THEN 'D'
      ELSE 'E'
    END AS grade,
    strategic.customer_id IS NOT NULL AS is_strategic
  FROM ranked
  LEFT JOIN
    (SELECT DISTINCT strategic.customer_id FROM param.strategic) AS strategic
    ON strategic.customer_id = ranked.customer_id
)

SELECT
  graded.customer_id,
  graded.is_graded,
  graded.objective_tier,
  graded.behaviour_tier,
  graded.value_score,
  graded.composite,
  CASE WHEN graded.is_graded THEN graded.rank_share END AS rank_share,
  graded.grade,
  graded.is_strategic,
  graded.grade = 'A' OR graded.max_account_kva >= $key_kva OR graded.is_strategic AS is_key_account,
  CASE
    WHEN graded.grade = 'A' THEN 'grade' WHEN graded.max_account_kva >= $key_kva THEN 'capacity'
    WHEN graded.is_strategic THEN 'strategic'
  END AS key_account_reason,
  graded.is_graded
  AND graded.current_share > ROUND(CAST($share_a AS DOUBLE), 9)
  AND graded.potential_value_amount > 0
  AND graded.potential_share <= ROUND(CAST($top_potential_share AS DOUBLE), 9) AS emerging_key_account
FROM graded
