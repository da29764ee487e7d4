/*
grain: one row a bill and a bill that corrects it, directly or through others
key: [bill_id, correction_bill_id]
purpose: '"Its corrections" of a bill, of any period.'
columns:
  bill_id: {type: string, doc: A bill that is corrected.}
  correction_bill_id: {type: string, doc: A bill that corrects it.}
  steps: {type: integer, doc: 1 where it names the bill itself.}
  is_root: {type: boolean, doc: The corrected bill corrects none that is known; each correction has at most one such row.}
*/
WITH RECURSIVE edge AS (
  SELECT b.bill_id, b.corrects_bill_id
  FROM source.bill AS b
  WHERE b.corrects_bill_id IS NOT NULL AND b.corrects_bill_id <> b.bill_id
),
pair AS (
  SELECT e.corrects_bill_id AS bill_id, e.bill_id AS correction_bill_id, 1 AS steps
  FROM edge AS e
  UNION ALL
  -- The bound ends bills that correct each other in a circle.
  SELECT e.corrects_bill_id, p.correction_bill_id, p.steps + 1
  FROM pair AS p
  JOIN edge AS e ON e.bill_id = p.bill_id
  WHERE p.steps < 20
),
known AS (
  SELECT p.bill_id, p.correction_bill_id, MIN(p.steps) AS steps
  FROM pair AS p
  WHERE p.bill_id <> p.correction_bill_id
  GROUP BY p.bill_id, p.correction_bill_id
),
existing AS (
  SELECT DISTINCT b.bill_id
  FROM source.bill AS b
  JOIN edge AS e ON e.corrects_bill_id = b.bill_id
)
SELECT k.bill_id,
       k.correction_bill_id,
       CAST(k.steps AS BIGINT) AS steps,
       e.bill_id IS NULL OR above.bill_id IS NULL AS is_root
FROM known AS k
JOIN existing AS x ON x.bill_id = k.bill_id
LEFT JOIN edge AS e ON e.bill_id = k.bill_id
LEFT JOIN existing AS above ON above.bill_id = e.corrects_bill_id
