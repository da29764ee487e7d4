/*
grain: one row per account
key: [account_id]
purpose: What a kWh of an account costs where no bill of P says it, to value energy that nobody was billed for.
columns:
  account_id: {type: string, doc: The supply account.}
  last_period: {type: date, doc: Its last billed period up to P; empty where it has none.}
  mean_price: {type: double, doc: 'Average price of that period; where it has none, the mean price of the usage category (facts.mean_price). Currency per kWh.'}
*/
WITH last AS (
  SELECT
    bill_net.account_id,
    MAX(bill_net.period) AS period
  FROM facts.bill_net
  WHERE bill_net.period <= $period
  GROUP BY bill_net.account_id
)

SELECT
  account.account_id,
  last.period AS last_period,
  COALESCE(bill_net.average_price, mean_price.mean_price) AS mean_price
FROM source.account
LEFT JOIN last ON last.account_id = account.account_id
LEFT JOIN facts.bill_net ON bill_net.account_id = last.account_id AND bill_net.period = last.period
LEFT JOIN facts.mean_price ON mean_price.usage_category = account.usage_category
