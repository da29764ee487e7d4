/*
grain: one row per usage category with a bill of P for energy
key: [usage_category]
purpose: What a kWh of a category costs on average, to value energy that nobody was billed for.
columns:
  usage_category: {type: string, doc: Of the account.}
  billed_kwh: {type: double, doc: 'Energy of the bills of P with energy above 0, those that correct others among them.'}
  total_amount: {type: decimal, doc: Total of these bills.}
  mean_price: {type: double, doc: Currency per kWh.}
*/
SELECT
  account.usage_category,
  DECIMAL_SUM(bill.billed_kwh) AS billed_kwh,
  MONEY(SUM(bill.total_amount)) AS total_amount,
  RATIO(SUM(bill.total_amount), DECIMAL_SUM(bill.billed_kwh)) AS mean_price
FROM source.bill
JOIN source.account ON account.account_id = bill.account_id
WHERE bill.period = $period AND bill.billed_kwh > 0
GROUP BY account.usage_category
