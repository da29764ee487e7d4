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
WITH RECURSIVE pair AS (
  SELECT b.corrects_bill_id AS bill_id, b.bill_id AS correction_bill_id, 1 AS steps
  FROM source.bill AS b
  WHERE b.corrects_bill_id IS NOT NULL AND b.corrects_bill_id <> b.bill_id
  UNION ALL
  -- The bound ends bills that correct each other in a circle.
  SELECT b.corrects_bill_id, p.correction_bill_id, p.steps + 1
  FROM pair AS p
  JOIN source.bill AS b ON b.bill_id = p.bill_id
  WHERE b.corrects_bill_id IS NOT NULL AND b.corrects_bill_id <> b.bill_id AND p.steps < 20
),
known AS (
  SELECT p.bill_id, p.correction_bill_id, MIN(p.steps) AS steps
  FROM pair AS p
  WHERE p.bill_id <> p.correction_bill_id
  GROUP BY p.bill_id, p.correction_bill_id
)
SELECT k.bill_id,
       k.correction_bill_id,
       CAST(k.steps AS BIGINT) AS steps,
       b.corrects_bill_id IS NULL OR above.bill_id IS NULL AS is_root
FROM known AS k
JOIN source.bill AS b ON b.bill_id = k.bill_id
LEFT JOIN source.bill AS above ON above.bill_id = b.corrects_bill_id
