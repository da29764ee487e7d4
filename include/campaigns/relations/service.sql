/*
grain: one row per account that some service is proposed to
key: [account_id]
purpose: 'The best next service, from mart.next_service: by resemblance where a model tells it, else by the rule.'
columns:
  account_id: {type: string, doc: The supply account.}
  product_code: {type: string, doc: The service.}
  lift: {type: double, doc: Of the association rule.}
  confidence: {type: double, doc: Of the association rule.}
  expected_take_up: {type: double, doc: Expected share that takes it up.}
  resemblance: {type: double, doc: 'Probability that this account takes it up within a year, by how much it resembles those that did; empty where no model is good enough.'}
*/
SELECT
  next_service.account_id,
  next_service.product_code,
  next_service.lift,
  next_service.confidence,
  next_service.expected_take_up,
  next_service.resemblance
FROM mart.next_service
QUALIFY
  ROW_NUMBER() OVER (
    PARTITION BY next_service.account_id
    ORDER BY
      COALESCE(next_service.resemblance, next_service.expected_take_up) DESC NULLS LAST,
      next_service.lift DESC NULLS LAST,
      next_service.product_code
  ) = 1
