/*
grain: one row per account and service it holds
key: [account_id, product_code]
purpose: What holds('…') asks.
columns:
  account_id: {type: string, doc: The supply account.}
  customer_id: {type: string, doc: Who holds the account.}
  product_code: {type: string, doc: The service.}
*/
SELECT DISTINCT
  product_holding.account_id,
  account.customer_id,
  product_holding.product_code
FROM source.product_holding
JOIN source.account ON account.account_id = product_holding.account_id
WHERE
  product_holding.since_on <= $as_of
  AND (product_holding.until_on IS NULL OR product_holding.until_on >= $as_of)
