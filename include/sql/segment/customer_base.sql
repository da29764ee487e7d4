/*
grain: one row a customer
key: [customer_id]
purpose: >-
  What grading and classification read of a customer's live accounts: summed size and energy, and the
  largest account, which speaks for the customer where one value is wanted.
columns:
  customer_id: {type: string, doc: The customer.}
  live_accounts: {type: integer, doc: Number of live accounts.}
  contracted_kva: {type: double, doc: Summed contracted capacity of the live accounts; 0 without any.}
  max_account_kva: {type: double, doc: Largest contracted capacity of one live account; 0 without any.}
  supply_kv: {type: double, doc: Highest supply voltage of the live accounts.}
  kwh_12m: {type: double, doc: 'Net billed energy of the 12 periods up to P, of the live accounts.'}
  amount_12m: {type: decimal, doc: 'Net billed amount of the 12 periods up to P, of the live accounts.'}
  first_opened_on: {type: date, doc: Earliest opening of a live account.}
  tenure_days: {type: integer, doc: 'Days from that opening to as_of; empty without a live account.'}
  main_account_id: {type: string, doc: 'The live account of the largest contracted_kva, by account_id where equal.'}
  usage_category: {type: string, doc: Of the main account.}
  industry_code: {type: string, doc: "The customer's; where empty, the main account's."}
*/
WITH year_bill AS (
  SELECT b.account_id,
         SUM(CAST(b.billed_kwh AS DECIMAL(18,3))) AS kwh,
         SUM(b.total_amount) AS amount
  FROM facts.bill_net AS b
  WHERE b.period BETWEEN ADD_MONTHS($period, -11) AND $period
  GROUP BY b.account_id
),
live AS (
  SELECT a.customer_id, a.account_id, a.contracted_kva, a.supply_kv, a.opened_on, a.usage_category, a.industry_code,
         y.kwh, y.amount,
         ROW_NUMBER() OVER (PARTITION BY a.customer_id ORDER BY a.contracted_kva DESC NULLS LAST, a.account_id) AS place
  FROM core.live_account AS a
  LEFT JOIN year_bill AS y ON y.account_id = a.account_id
),
summed AS (
  SELECT l.customer_id,
         COUNT(*) AS live_accounts,
         DECIMAL_SUM(l.contracted_kva) AS contracted_kva,
         MAX(l.contracted_kva) AS max_account_kva,
         MAX(l.supply_kv) AS supply_kv,
         CAST(SUM(l.kwh) AS DOUBLE) AS kwh_12m,
         SUM(l.amount) AS amount_12m,
         MIN(l.opened_on) AS first_opened_on,
         MAX(l.account_id) FILTER (WHERE l.place = 1) AS main_account_id,
         MAX(l.usage_category) FILTER (WHERE l.place = 1) AS usage_category,
         MAX(l.industry_code) FILTER (WHERE l.place = 1) AS industry_code
  FROM live AS l
  GROUP BY l.customer_id
)
SELECT c.customer_id,
       COALESCE(s.live_accounts, 0) AS live_accounts,
       COALESCE(s.contracted_kva, CAST(0 AS DOUBLE)) AS contracted_kva,
       COALESCE(s.max_account_kva, CAST(0 AS DOUBLE)) AS max_account_kva,
       s.supply_kv,
       COALESCE(s.kwh_12m, CAST(0 AS DOUBLE)) AS kwh_12m,
       MONEY(COALESCE(s.amount_12m, 0)) AS amount_12m,
       s.first_opened_on,
       DATE_DIFF('day', s.first_opened_on, $as_of) AS tenure_days,
       s.main_account_id,
       s.usage_category,
       COALESCE(c.industry_code, s.industry_code) AS industry_code
FROM source.customer AS c
LEFT JOIN summed AS s ON s.customer_id = c.customer_id
