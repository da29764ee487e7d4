/*
grain: one row per account
key: [account_id]
purpose: What conditions may ask of an account; the columns of mart.dim_account.
columns:
  account_id: {type: string, doc: The supply account.}
  customer_id: {type: string, doc: Who holds it.}
  org_unit_id: {type: string, doc: The unit that serves it.}
  line_id: {type: string, doc: The feeder.}
  transformer_id: {type: string, doc: The transformer.}
  usage_category: {type: string, doc: What the energy is used for.}
  tariff_code: {type: string, doc: Tariff in force.}
  supply_kv: {type: double, doc: Supply voltage.}
  contracted_kva: {type: double, doc: Contracted capacity.}
  running_kva: {type: double, doc: Contracted less suspended or reduced.}
  status: {type: string, doc: 'pending, active, suspended or closed.'}
  opened_on: {type: date, doc: First day of supply.}
  closed_on: {type: date, doc: Last day of supply.}
  arrears_probability: {type: double, doc: Probability of arrears.}
  arrears_band: {type: integer, doc: 1 (lowest) to 5.}
  leave_probability: {type: double, doc: Probability of leaving; empty where its model is not good enough.}
  best_tariff_code: {type: string, doc: The cheapest tariff it may be on.}
  tariff_saving_amount: {type: decimal, doc: Yearly saving on it.}
  flexible_kw: {type: double, doc: Load that could be shed or shifted at peak.}
  load_profile: {type: integer, doc: Load profile.}
*/
SELECT
  account_id,
  customer_id,
  org_unit_id,
  line_id,
  transformer_id,
  usage_category,
  tariff_code,
  supply_kv,
  contracted_kva,
  running_kva,
  status,
  opened_on,
  closed_on,
  arrears_probability,
  arrears_band,
  leave_probability,
  best_tariff_code,
  tariff_saving_amount,
  flexible_kw,
  load_profile
FROM mart.dim_account
