/*
grain: one row a customer
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
  SELECT a.customer_id, n.account_id, n.product_code, n.lift, n.expected_take_up
  FROM segment.next_service AS n
  JOIN core.live_account AS a ON a.account_id = n.account_id
  WHERE n.place = 1
  QUALIFY ROW_NUMBER() OVER (PARTITION BY a.customer_id ORDER BY n.expected_take_up DESC, n.lift DESC, n.account_id) = 1
)
SELECT b.customer_id, e.account_id, COALESCE(e.product_code, 'none') AS segment, e.lift, e.expected_take_up
FROM segment.customer_base AS b
LEFT JOIN best AS e ON e.customer_id = b.customer_id
