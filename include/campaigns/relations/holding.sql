/*
grain: one row an account and service it holds
key: [account_id, product_code]
purpose: What holds('…') asks.
columns:
  account_id: {type: string, doc: The supply account.}
  customer_id: {type: string, doc: Who holds the account.}
  product_code: {type: string, doc: The service.}
*/
SELECT DISTINCT h.account_id, a.customer_id, h.product_code
FROM source.product_holding AS h
JOIN source.account AS a ON a.account_id = h.account_id
WHERE h.since_on <= $as_of AND (h.until_on IS NULL OR h.until_on >= $as_of)
