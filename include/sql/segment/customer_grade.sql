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
  behaviour_score: {type: double, doc: 'What the behaviour tier was cut from, 0 to 1.'}
  value_score: {type: double, doc: '0 to 100.'}
  composite: {type: double, doc: '0 to 100: tiers times 20 and the value score, weighted as in segment.grade_parameter.'}
  rank_share: {type: double, doc: Share of ranked customers whose composite is at least this one's.}
  grade: {type: string, doc: 'A to E.'}
  is_strategic: {type: boolean, doc: On the utility's list.}
  is_key_account: {type: boolean, doc: 'Grade A, an account of at least key_kva, or strategic.'}
  key_account_reason: {type: string, doc: 'grade, capacity, strategic: the first that holds; empty where none does.'}
  emerging_key_account: {type: boolean, doc: 'An organisation below grade A, of the highest potential among organisations, above both floors, with a sign of growth.'}
  emerging_sign: {type: string, doc: 'The signs of an emerging key account in words (see segment.customer_sign); empty for all others.'}
  emerging_sign_zh: {type: string, doc: The same in Chinese.}
params:
  share_a: {type: number, default: 0.01, minimum: 0, maximum: 1, doc: Largest share of customers graded A.}
  share_b: {type: number, default: 0.04, minimum: 0, maximum: 1, doc: The same for B.}
  share_c: {type: number, default: 0.15, minimum: 0, maximum: 1, doc: The same for C.}
  share_d: {type: number, default: 0.30, minimum: 0, maximum: 1, doc: The same for D; E is the rest.}
  key_kva: {type: number, default: 3150, minimum: 0, doc: 'An account from here on makes a key account, kVA.'}
  strategic: {type: list, columns: {customer_id: string}, default: [], doc: Customers the utility calls strategic.}
  top_potential_share: {type: number, default: 0.10, minimum: 0, maximum: 1, doc: 'An emerging key account has less than this share of the organisations above it by potential value; equal ones stand together.'}
  potential_floor_amount: {type: number, default: 10000, minimum: 0, doc: Lowest potential value of an emerging key account.}
  potential_over_current: {type: number, default: 1.5, minimum: 0, maximum: 1000, doc: Lowest potential value of an emerging key account as a multiple of its current value.}
*/
WITH composed AS (
  SELECT
    customer_base.customer_id,
    customer_base.live_accounts > 0 AS is_graded,
    customer_base.kind = 'organisation' AS is_organisation,
    customer_base.max_account_kva,
    customer_objective.objective_tier,
    customer_behaviour.behaviour_tier,
    customer_behaviour.behaviour_score,
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
    RANK()
      OVER (
        PARTITION BY composed.is_graded, composed.is_organisation
        ORDER BY composed.potential_value_amount DESC
      )
    - 1 AS above,
    COUNT(*) OVER (PARTITION BY composed.is_graded, composed.is_organisation) AS alike
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
),

judged AS (
  SELECT
    graded.*,
    customer_sign.sign,
    customer_sign.sign_zh,
    COALESCE(graded.is_graded AND graded.is_organisation, FALSE)
    AND graded.grade <> 'A'
    AND graded.above < ROUND(CAST($top_potential_share AS DOUBLE) * graded.alike, 6)
    AND graded.potential_value_amount >= $potential_floor_amount
    AND graded.potential_value_amount >= ROUND($potential_over_current * graded.current_value_amount, 6)
    AND customer_sign.sign IS NOT NULL AS emerging_key_account
  FROM graded
  LEFT JOIN segment.customer_sign ON customer_sign.customer_id = graded.customer_id
)

SELECT
  judged.customer_id,
  judged.is_graded,
  judged.objective_tier,
  judged.behaviour_tier,
  judged.behaviour_score,
  judged.value_score,
  judged.composite,
  CASE WHEN judged.is_graded THEN judged.rank_share END AS rank_share,
  judged.grade,
  judged.is_strategic,
  judged.grade = 'A' OR judged.max_account_kva >= $key_kva OR judged.is_strategic AS is_key_account,
  CASE
    WHEN judged.grade = 'A' THEN 'grade' WHEN judged.max_account_kva >= $key_kva THEN 'capacity'
    WHEN judged.is_strategic THEN 'strategic'
  END AS key_account_reason,
  judged.emerging_key_account,
  CASE WHEN judged.emerging_key_account THEN judged.sign END AS emerging_sign,
  CASE WHEN judged.emerging_key_account THEN judged.sign_zh END AS emerging_sign_zh
FROM judged
