/*
grain: one row per usage category that an account has
key: [usage_category]
purpose: 'What the lifetime values of mart.dim_customer assume, with what it was measured on.'
columns:
  usage_category: {type: string, doc: What the energy is used for.}
  account_years: {type: double, doc: Years of supply in which leaving was counted.}
  closed_accounts: {type: integer, doc: Accounts that closed in them.}
  yearly_leaving_share: {type: double, doc: Share that leaves in a year.}
  expected_years: {type: double, doc: Years that a customer is expected to stay.}
  discount_rate: {type: double, doc: A year by which later money counts less.}
  annuity: {type: double, doc: 'What a margin of 1 a year is worth today: lifetime value over margin.'}
*/
SELECT
  lifetime_assumption.usage_category,
  lifetime_assumption.account_years,
  lifetime_assumption.closed_accounts,
  lifetime_assumption.yearly_leaving_share,
  lifetime_assumption.expected_years,
  lifetime_assumption.discount_rate,
  lifetime_assumption.annuity
FROM segment.lifetime_assumption
