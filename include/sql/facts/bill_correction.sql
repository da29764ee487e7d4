/*
grain: one row per bill and a bill that corrects it, directly or through others
key: [bill_id, correction_bill_id]
purpose: '"Its corrections" of a bill, of any period.'
columns:
  bill_id: {type: string, doc: A bill that is corrected.}
  correction_bill_id: {type: string, doc: A bill that corrects it.}
  steps: {type: integer, doc: 1 where it names the bill itself.}
  is_root: {type: boolean, doc: The corrected bill corrects none that is known; each correction has at most one such row.}
*/
WITH RECURSIVE edge AS (
  SELECT
    bill.bill_id,
    bill.corrects_bill_id
  FROM source.bill
  WHERE bill.corrects_bill_id IS NOT NULL AND bill.corrects_bill_id <> bill.bill_id
),

pair AS (
  SELECT
    edge.corrects_bill_id AS bill_id,
    edge.bill_id AS correction_bill_id,
    1 AS steps
  FROM edge
  UNION ALL
  -- The bound ends bills that correct each other in a circle.
  SELECT
    edge.corrects_bill_id,
    pair.correction_bill_id,
    pair.steps + 1
  FROM pair
  JOIN edge ON edge.bill_id = pair.bill_id
  WHERE pair.steps < 20
),

known AS (
  SELECT
    pair.bill_id,
    pair.correction_bill_id,
    MIN(pair.steps) AS steps
  FROM pair
  WHERE pair.bill_id <> pair.correction_bill_id
  GROUP BY pair.bill_id, pair.correction_bill_id
),

existing AS (
  SELECT DISTINCT bill.bill_id
  FROM source.bill
  JOIN edge ON edge.corrects_bill_id = bill.bill_id
)

SELECT
  known.bill_id,
  known.correction_bill_id,
  CAST(known.steps AS BIGINT) AS steps,
  edge.bill_id IS NULL OR above.bill_id IS NULL AS is_root
FROM known
JOIN existing ON existing.bill_id = known.bill_id
LEFT JOIN edge ON edge.bill_id = known.bill_id
LEFT JOIN existing AS above ON above.bill_id = edge.corrects_bill_id
