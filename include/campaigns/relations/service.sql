/*
grain: one row an account that some service is proposed to
key: [account_id]
purpose: The best next service, from mart.next_service.
columns:
  account_id: {type: string, doc: The supply account.}
  product_code: {type: string, doc: The service.}
  lift: {type: double, doc: Of the association rule.}
  confidence: {type: double, doc: Of the association rule.}
  expected_take_up: {type: double, doc: Expected share that takes it up.}
*/
SELECT n.account_id, n.product_code, n.lift, n.confidence, n.expected_take_up
FROM mart.next_service AS n
QUALIFY ROW_NUMBER() OVER (
  PARTITION BY n.account_id ORDER BY n.expected_take_up DESC NULLS LAST, n.lift DESC NULLS LAST, n.product_code
) = 1
