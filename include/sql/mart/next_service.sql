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
*/
SELECT
  next_service.account_id,
  next_service.product_code,
  next_service.place,
  next_service.lift,
  next_service.confidence,
  next_service.expected_take_up
FROM segment.next_service
