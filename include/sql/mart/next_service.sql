/*
grain: one row per live account and suggested service
key: [account_id, product_code]
purpose: The next best services of an account.
columns:
  account_id: {type: string, doc: The supply account.}
  product_code: {type: string, doc: A service not yet held.}
  place: {type: integer, doc: 1 is the best.}
  lift: {type: double, doc: How much more often it is held by accounts that hold what this one holds.}
  confidence: {type: double, doc: Share of those accounts that hold it.}
  expected_take_up: {type: double, doc: Share of those without it that take it up within a year.}
  resemblance: {type: double, doc: 'Probability that this account takes it up within a year, by how much it resembles those that did; empty where no model is good enough.'}
  resemblance_reasons: {type: string, doc: 'What raises it most above the average; why there is none where it is empty.'}
  resemblance_reasons_zh: {type: string, doc: The same in Chinese.}
*/
WITH unused AS (
  SELECT
    lookalike_model.product_code,
    MAX(lookalike_model.reason) AS reason,
    MAX(lookalike_model.reason_zh) AS reason_zh
  FROM segment.lookalike_model
  WHERE NOT lookalike_model.in_use
  GROUP BY lookalike_model.product_code
)

SELECT
  next_service.account_id,
  next_service.product_code,
  next_service.place,
  next_service.lift,
  next_service.confidence,
  next_service.expected_take_up,
  lookalike.resemblance,
  COALESCE(lookalike.reasons, unused.reason) AS resemblance_reasons,
  COALESCE(lookalike.reasons_zh, unused.reason_zh) AS resemblance_reasons_zh
FROM segment.next_service
LEFT JOIN segment.lookalike
  ON lookalike.account_id = next_service.account_id AND lookalike.product_code = next_service.product_code
LEFT JOIN unused ON unused.product_code = next_service.product_code
