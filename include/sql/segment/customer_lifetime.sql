/*
grain: one row per customer
key: [customer_id]
purpose: >-
  Lifetime value: the margin of the last 12 months carried on for as long as customers of its kind stay, counted at what
  it is worth today. It assumes that the margin stays as it is; what it assumes stands beside it and in
  segment.lifetime_assumption.
columns:
  customer_id: {type: string, doc: The customer.}
  lifetime_value_amount: {type: decimal, doc: 'Margin times annuity; below 0 where the margin is; empty without a live account.'}
  margin_amount: {type: decimal, doc: 'Margin of a year: the current value.'}
  expected_years: {type: double, doc: Years that customers of the usage category of the largest account are expected to stay.}
  discount_rate: {type: double, doc: A year by which later money counts less.}
*/
SELECT
  customer_base.customer_id,
  CASE
    WHEN lifetime_assumption.annuity IS NOT NULL
      THEN MONEY(CAST(customer_value.current_value_amount AS DOUBLE) * lifetime_assumption.annuity)
  END AS lifetime_value_amount,
  CASE WHEN customer_base.live_accounts > 0 THEN customer_value.current_value_amount END AS margin_amount,
  lifetime_assumption.expected_years,
  lifetime_assumption.discount_rate
FROM segment.customer_base
JOIN segment.customer_value ON customer_value.customer_id = customer_base.customer_id
LEFT JOIN segment.lifetime_assumption
  ON lifetime_assumption.usage_category = customer_base.usage_category AND customer_base.live_accounts > 0
