/*
grain: one row per account, closed ones included
key: [account_id]
purpose: What BI and campaigns may know of a supply account, without personal data.
columns:
  account_id: {type: string, doc: The supply account.}
  customer_id: {type: string, doc: Who holds it.}
  org_unit_id: {type: string, doc: The unit that serves it.}
  reading_area_staff_id: {type: string, doc: 'Member of staff in charge of its reading area, who judges no case of it.'}
  line_id: {type: string, doc: Line of the primary supply point.}
  transformer_id: {type: string, doc: Transformer of the primary supply point.}
  usage_category: {type: string, doc: What the energy is used for.}
  tariff_code: {type: string, doc: Tariff in force.}
  supply_kv: {type: double, doc: Supply voltage.}
  contracted_kva: {type: double, doc: Contracted capacity.}
  running_kva: {type: double, doc: Contracted less suspended or reduced.}
  status: {type: string, doc: 'pending, active, suspended or closed.'}
  opened_on: {type: date, doc: First day of supply.}
  closed_on: {type: date, doc: Last day of supply.}
  arrears_probability: {type: double, doc: Probability that a bill due within 60 days is unpaid 30 days after its due date.}
  arrears_band: {type: integer, doc: '1 (lowest) to 5.'}
  arrears_reasons: {type: string, doc: 'What raises the probability most, in words.'}
  arrears_reasons_zh: {type: string, doc: The same in Chinese.}
  leave_probability: {type: double, doc: 'Probability that the account leaves within half a year; empty where the model is not good enough, of closed accounts too.'}
  leave_reasons: {type: string, doc: 'What raises it most, in words.'}
  leave_reasons_zh: {type: string, doc: The same in Chinese.}
  leave_not_shown: {type: string, doc: 'Why nothing is said of leaving: what the published test of the model lacks.'}
  leave_not_shown_zh: {type: string, doc: The same in Chinese.}
  best_tariff_code: {type: string, doc: The cheapest tariff the account may be on; its own where none is cheaper.}
  best_demand_basis: {type: string, doc: 'Its demand basis there: none, capacity, contract_demand or actual_demand.'}
  tariff_saving_amount: {type: decimal, doc: Yearly saving on it.}
  flexible_kw: {type: double, doc: Load that could be shed or shifted at peak.}
  load_profile: {type: integer, doc: Load profile the account belongs to.}
*/
WITH fed_by AS (
  SELECT
    supply_point.account_id,
    supply_point.line_id,
    supply_point.transformer_id
  FROM source.supply_point
  QUALIFY
    ROW_NUMBER()
      OVER (
        PARTITION BY supply_point.account_id
        ORDER BY supply_point.is_primary DESC NULLS LAST, supply_point.supply_point_id
      )
    = 1
)

SELECT
  account.account_id,
  account.customer_id,
  account.org_unit_id,
  reading_area.staff_id AS reading_area_staff_id,
  COALESCE(fed_by.line_id, transformer.line_id) AS line_id,
  fed_by.transformer_id,
  account.usage_category,
  account.tariff_code,
  account.supply_kv,
  account.contracted_kva,
  account.running_kva,
  account.status,
  account.opened_on,
  account.closed_on,
  arrears_score.probability AS arrears_probability,
  arrears_score.band AS arrears_band,
  arrears_score.reasons AS arrears_reasons,
  arrears_score.reasons_zh AS arrears_reasons_zh,
  leave_score.probability AS leave_probability,
  leave_score.reasons AS leave_reasons,
  leave_score.reasons_zh AS leave_reasons_zh,
  leave_score.not_shown AS leave_not_shown,
  leave_score.not_shown_zh AS leave_not_shown_zh,
  tariff_fit.tariff_code AS best_tariff_code,
  tariff_fit.demand_basis AS best_demand_basis,
  tariff_fit.saving_amount AS tariff_saving_amount,
  account_shape.flexible_kw,
  account_load_profile.load_profile
FROM source.account
LEFT JOIN source.reading_area ON reading_area.reading_area_id = account.reading_area_id
LEFT JOIN fed_by ON fed_by.account_id = account.account_id
LEFT JOIN source.transformer ON transformer.transformer_id = fed_by.transformer_id
LEFT JOIN segment.arrears_score ON arrears_score.account_id = account.account_id
LEFT JOIN segment.leave_score ON leave_score.account_id = account.account_id
LEFT JOIN segment.tariff_fit ON tariff_fit.account_id = account.account_id AND tariff_fit.place = 1
LEFT JOIN segment.account_shape ON account_shape.account_id = account.account_id
LEFT JOIN segment.account_load_profile ON account_load_profile.account_id = account.account_id
