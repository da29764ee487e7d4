/*
grain: one row per customer
key: [customer_id]
purpose: >-
  What grading and classification read of a customer's live accounts: summed size and energy, and the
  largest account, which speaks for the customer where one value is wanted.
columns:
  customer_id: {type: string, doc: The customer.}
  kind: {type: string, doc: person or organisation.}
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
  SELECT
    bill_net.account_id,
    SUM(CAST(bill_net.billed_kwh AS DECIMAL(18, 3))) AS kwh,
    SUM(bill_net.total_amount) AS amount
  FROM facts.bill_net
  WHERE bill_net.period BETWEEN ADD_MONTHS($period, -11) AND $period
  GROUP BY bill_net.account_id
),

live AS (
  SELECT
    live_account.customer_id,
    live_account.account_id,
    live_account.contracted_kva,
    live_account.supply_kv,
    live_account.opened_on,
    live_account.usage_category,
    live_account.industry_code,
    year_bill.kwh,
    year_bill.amount,
    ROW_NUMBER()
      OVER (
        PARTITION BY live_account.customer_id
        ORDER BY live_account.contracted_kva DESC NULLS LAST, live_account.account_id
      )
      AS place
  FROM core.live_account
  LEFT JOIN year_bill ON year_bill.account_id = live_account.account_id
),

summed AS (
  SELECT
    live.customer_id,
    COUNT(*) AS live_accounts,
    DECIMAL_SUM(live.contracted_kva) AS contracted_kva,
    MAX(live.contracted_kva) AS max_account_kva,
    MAX(live.supply_kv) AS supply_kv,
    CAST(SUM(live.kwh) AS DOUBLE) AS kwh_12m,
    SUM(live.amount) AS amount_12m,
    MIN(live.opened_on) AS first_opened_on,
    MAX(live.account_id) FILTER (WHERE live.place = 1) AS main_account_id,
    MAX(live.usage_category) FILTER (WHERE live.place = 1) AS usage_category,
    MAX(live.industry_code) FILTER (WHERE live.place = 1) AS industry_code
  FROM live
  GROUP BY live.customer_id
)

SELECT
  customer.customer_id,
  customer.kind,
  COALESCE(summed.live_accounts, 0) AS live_accounts,
  COALESCE(summed.contracted_kva, CAST(0 AS DOUBLE)) AS contracted_kva,
  COALESCE(summed.max_account_kva, CAST(0 AS DOUBLE)) AS max_account_kva,
  summed.supply_kv,
  COALESCE(summed.kwh_12m, CAST(0 AS DOUBLE)) AS kwh_12m,
  MONEY(COALESCE(summed.amount_12m, 0)) AS amount_12m,
  summed.first_opened_on,
  DATE_DIFF('day', summed.first_opened_on, $as_of) AS tenure_days,
  summed.main_account_id,
  summed.usage_category,
  COALESCE(customer.industry_code, summed.industry_code) AS industry_code
FROM source.customer
LEFT JOIN summed ON summed.customer_id = customer.customer_id
