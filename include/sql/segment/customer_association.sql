/*
grain: one row per customer
key: [customer_id]
purpose: The next best service of a customer, over its live accounts.
columns:
  customer_id: {type: string, doc: The customer.}
  account_id: {type: string, doc: The account it is for; empty where nothing is suggested.}
  segment: {type: string, doc: The service; none where nothing is suggested.}
  lift: {type: double, doc: Of the rule that suggests it.}
  expected_take_up: {type: double, doc: Of that rule.}
*/
WITH best AS (
  SELECT
    live_account.customer_id,
    next_service.account_id,
    next_service.product_code,
    next_service.lift,
    next_service.expected_take_up
  FROM segment.next_service
  JOIN core.live_account ON live_account.account_id = next_service.account_id
  WHERE next_service.place = 1
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY live_account.customer_id
        ORDER BY next_service.expected_take_up DESC, next_service.lift DESC, next_service.account_id
      )
    = 1
)

SELECT
  customer_base.customer_id,
  best.account_id,
  COALESCE(best.product_code, 'none') AS segment,
  best.lift,
  best.expected_take_up
FROM segment.customer_base
LEFT JOIN best ON best.customer_id = customer_base.customer_id
