/*
grain: one row per customer
key: [customer_id]
purpose: >-
  Level 1 of the grading: what a customer objectively is, by capacity, voltage and energy. Each of the
  three gives 1 to 5 by its own limits; the tier is their weighted mean, rounded half up.
columns:
  customer_id: {type: string, doc: The customer.}
  kva_points: {type: integer, doc: '1 to 5 by summed contracted_kva.'}
  kv_points: {type: integer, doc: '1 to 5 by highest supply_kv.'}
  kwh_points: {type: integer, doc: '1 to 5 by kWh of 12 months.'}
  objective_tier: {type: integer, doc: '1 (smallest) to 5 (largest).'}
params:
  limits:
    type: rows
    columns: {points: integer, min_kva: double, min_kv: double, min_kwh: double}
    default: [[2, 50, 1, 10000], [3, 315, 10, 200000], [4, 1000, 35, 2000000], [5, 3150, 110, 10000000]]
    doc: The points a customer gets from this capacity, voltage or yearly energy on; 1 below all.
  kva_weight: {type: number, default: 0.4, minimum: 0, maximum: 1, doc: Weight of capacity.}
  kv_weight: {type: number, default: 0.2, minimum: 0, maximum: 1, doc: Weight of voltage.}
  kwh_weight: {type: number, default: 0.4, minimum: 0, maximum: 1, doc: Weight of energy; the weights are divided by their sum.}
*/
WITH cut AS (
  SELECT
    MAX(limits.min_kva) FILTER (WHERE limits.points = 2) AS kva_2,
    MAX(limits.min_kva) FILTER (WHERE limits.points = 3) AS kva_3,
    MAX(limits.min_kva) FILTER (WHERE limits.points = 4) AS kva_4,
    MAX(limits.min_kva) FILTER (WHERE limits.points = 5) AS kva_5,
    MAX(limits.min_kv) FILTER (WHERE limits.points = 2) AS kv_2,
    MAX(limits.min_kv) FILTER (WHERE limits.points = 3) AS kv_3,
    MAX(limits.min_kv) FILTER (WHERE limits.points = 4) AS kv_4,
    MAX(limits.min_kv) FILTER (WHERE limits.points = 5) AS kv_5,
    MAX(limits.min_kwh) FILTER (WHERE limits.points = 2) AS kwh_2,
    MAX(limits.min_kwh) FILTER (WHERE limits.points = 3) AS kwh_3,
    MAX(limits.min_kwh) FILTER (WHERE limits.points = 4) AS kwh_4,
    MAX(limits.min_kwh) FILTER (WHERE limits.points = 5) AS kwh_5
  FROM param.limits
),

points AS (
  SELECT
    customer_base.customer_id,
    CASE
      WHEN customer_base.contracted_kva >= cut.kva_5 THEN 5 WHEN
        customer_base.contracted_kva >= cut.kva_4
        THEN 4
      WHEN customer_base.contracted_kva >= cut.kva_3 THEN 3 WHEN
        customer_base.contracted_kva >= cut.kva_2
        THEN 2
      ELSE 1
    END AS kva_points,
    CASE
      WHEN customer_base.supply_kv >= cut.kv_5 THEN 5 WHEN customer_base.supply_kv >= cut.kv_4 THEN 4
      WHEN customer_base.supply_kv >= cut.kv_3 THEN 3 WHEN customer_base.supply_kv >= cut.kv_2 THEN 2 ELSE 1
    END AS kv_points,
    CASE
      WHEN customer_base.kwh_12m >= cut.kwh_5 THEN 5 WHEN customer_base.kwh_12m >= cut.kwh_4 THEN 4
      WHEN customer_base.kwh_12m >= cut.kwh_3 THEN 3 WHEN customer_base.kwh_12m >= cut.kwh_2 THEN 2 ELSE 1
    END AS kwh_points
  FROM segment.customer_base
  CROSS JOIN cut
)

SELECT
  points.customer_id,
  CAST(points.kva_points AS BIGINT) AS kva_points,
  CAST(points.kv_points AS BIGINT) AS kv_points,
  CAST(points.kwh_points AS BIGINT) AS kwh_points,
  CAST(HALF_UP(RATIO(
    points.kva_points * CAST($kva_weight AS DOUBLE) + points.kv_points * CAST($kv_weight AS DOUBLE)
    + points.kwh_points * CAST($kwh_weight AS DOUBLE),
    CAST($kva_weight AS DOUBLE) + CAST($kv_weight AS DOUBLE) + CAST($kwh_weight AS DOUBLE)
  ), 0) AS BIGINT) AS objective_tier
FROM points
