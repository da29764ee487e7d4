/*
grain: one row per usage category billed in P
key: [usage_category]
purpose: What a kWh of a category costs on average, to value energy that nobody was billed for.
columns:
  usage_category: {type: string, doc: Of the account.}
  billed_kwh: {type: double, doc: Net energy of the category.}
  total_amount: {type: decimal, doc: Net total of the category.}
  mean_price: {type: double, doc: 'Currency per kWh; empty where no energy was billed.'}
*/
SELECT
  account.usage_category,
  DECIMAL_SUM(bill_net.billed_kwh) AS billed_kwh,
  MONEY(SUM(bill_net.total_amount)) AS total_amount,
  RATIO(SUM(bill_net.total_amount), DECIMAL_SUM(bill_net.billed_kwh)) AS mean_price
FROM facts.bill_net
JOIN source.account ON account.account_id = bill_net.account_id
WHERE bill_net.period = $period
GROUP BY account.usage_category
