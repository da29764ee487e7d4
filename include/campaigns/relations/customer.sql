/*
grain: one row per customer
key: [customer_id]
purpose: What conditions may ask of a customer; the columns of mart.dim_customer.
columns:
  customer_id: {type: string, doc: The customer.}
  kind: {type: string, doc: person or organisation.}
  industry_code: {type: string, doc: GB/T 4754 letter and two digits.}
  region_code: {type: string, doc: Administrative division.}
  registered_on: {type: date, doc: When the record was made.}
  live_accounts: {type: integer, doc: Number of live accounts.}
  grade: {type: string, doc: A to E.}
  objective_tier: {type: integer, doc: 1 to 5.}
  behaviour_tier: {type: integer, doc: 1 to 5.}
  value_score: {type: double, doc: 0 to 100.}
  current_value_amount: {type: decimal, doc: Margin of 12 months.}
  potential_value_amount: {type: decimal, doc: Yearly amount that could be won.}
  credit: {type: double, doc: 1 less the arrears probability.}
  is_key_account: {type: boolean, doc: Whether it is a key account.}
  emerging_key_account: {type: boolean, doc: 'An organisation of high potential with a sign of growth.'}
  segment: {type: string, doc: Composite segment.}
  relationship_level: {type: string, doc: basic to partnership.}
  data_grade: {type: integer, doc: 1 (best) to 4.}
*/
SELECT
  customer_id,
  kind,
  industry_code,
  region_code,
  registered_on,
  live_accounts,
  grade,
  objective_tier,
  behaviour_tier,
  value_score,
  current_value_amount,
  potential_value_amount,
  credit,
  is_key_account,
  emerging_key_account,
  segment,
  relationship_level,
  data_grade
FROM mart.dim_customer
