/*
grain: one row a customer
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
  SELECT b.customer_id,
         b.live_accounts > 0 AS is_graded,
         b.max_account_kva,
         o.objective_tier,
         h.behaviour_tier,
         v.value_score,
         v.current_value_amount,
         v.potential_value_amount,
         CAST(HALF_UP(o.objective_tier * 20 * w.objective_weight + h.behaviour_tier * 20 * w.behaviour_weight
                         + v.value_score * w.value_weight, 4) AS DOUBLE) AS composite
  FROM segment.customer_base AS b
  JOIN segment.customer_objective AS o ON o.customer_id = b.customer_id
  JOIN segment.customer_behaviour AS h ON h.customer_id = b.customer_id
  JOIN segment.customer_value AS v ON v.customer_id = b.customer_id
  CROSS JOIN segment.grade_parameter AS w
),
ranked AS (
  SELECT c.*,
         ROUND(CUME_DIST() OVER (PARTITION BY c.is_graded ORDER BY c.composite DESC), 9) AS rank_share,
         ROUND(CUME_DIST() OVER (PARTITION BY c.is_graded ORDER BY c.current_value_amount DESC), 9) AS current_share,
         ROUND(CUME_DIST() OVER (PARTITION BY c.is_graded ORDER BY c.potential_value_amount DESC), 9) AS potential_share
  FROM composed AS c
),
graded AS (
  SELECT r.*,
         CASE WHEN NOT r.is_graded THEN 'E'
              WHEN r.rank_share <= ROUND(CAST($share_a AS DOUBLE), 9) THEN 'A'
              WHEN r.rank_share <= ROUND(CAST($share_a AS DOUBLE) + CAST($share_b AS DOUBLE), 9) THEN 'B'
              WHEN r.rank_share <= ROUND(CAST($share_a AS DOUBLE) + CAST($share_b AS DOUBLE) + CAST($share_c AS DOUBLE), 9) THEN 'C'
              WHEN r.rank_share <= ROUND(CAST($share_a AS DOUBLE) + CAST($share_b AS DOUBLE) + CAST($share_c AS DOUBLE)
                                         + CAST($share_d AS DOUBLE), 9) THEN 'D'
              ELSE 'E' END AS grade,
         s.customer_id IS NOT NULL AS is_strategic
  FROM ranked AS r
  LEFT JOIN (SELECT DISTINCT l.customer_id FROM param.strategic AS l) AS s ON s.customer_id = r.customer_id
)
SELECT g.customer_id,
       g.is_graded,
       g.objective_tier,
       g.behaviour_tier,
       g.value_score,
       g.composite,
       CASE WHEN g.is_graded THEN g.rank_share END AS rank_share,
       g.grade,
       g.is_strategic,
       g.grade = 'A' OR g.max_account_kva >= $key_kva OR g.is_strategic AS is_key_account,
       CASE WHEN g.grade = 'A' THEN 'grade' WHEN g.max_account_kva >= $key_kva THEN 'capacity'
            WHEN g.is_strategic THEN 'strategic' END AS key_account_reason,
       g.is_graded AND g.current_share > ROUND(CAST($share_a AS DOUBLE), 9) AND g.potential_value_amount > 0
         AND g.potential_share <= ROUND(CAST($top_potential_share AS DOUBLE), 9) AS emerging_key_account
FROM graded AS g
