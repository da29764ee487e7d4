/*
grain: one row an account, closed ones included
key: [account_id]
purpose: What BI and campaigns may know of a supply account, without personal data.
columns:
  account_id: {type: string, doc: The supply account.}
  customer_id: {type: string, doc: Who holds it.}
  org_unit_id: {type: string, doc: The unit that serves it.}
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
  leave_probability: {type: double, doc: Probability that the account leaves within half a year.}
  leave_reasons: {type: string, doc: 'What raises it most, in words.'}
  leave_reasons_zh: {type: string, doc: The same in Chinese.}
  best_tariff_code: {type: string, doc: The cheapest tariff the account may be on; its own where none is cheaper.}
  tariff_saving_amount: {type: decimal, doc: Yearly saving on it.}
  flexible_kw: {type: double, doc: Load that could be shed or shifted at peak.}
  load_profile: {type: integer, doc: Load profile the account belongs to.}
*/
WITH fed_by AS (
  SELECT s.account_id, s.line_id, s.transformer_id
  FROM source.supply_point AS s
  QUALIFY ROW_NUMBER() OVER (PARTITION BY s.account_id ORDER BY s.is_primary DESC NULLS LAST, s.supply_point_id) = 1
)
SELECT a.account_id,
       a.customer_id,
       a.org_unit_id,
       COALESCE(f.line_id, t.line_id) AS line_id,
       f.transformer_id,
       a.usage_category,
       a.tariff_code,
       a.supply_kv,
       a.contracted_kva,
       a.running_kva,
       a.status,
       a.opened_on,
       a.closed_on,
       r.probability AS arrears_probability,
       r.band AS arrears_band,
       r.reasons AS arrears_reasons,
       r.reasons_zh AS arrears_reasons_zh,
       v.probability AS leave_probability,
       v.reasons AS leave_reasons,
       v.reasons_zh AS leave_reasons_zh,
       b.tariff_code AS best_tariff_code,
       b.saving_amount AS tariff_saving_amount,
       h.flexible_kw,
       p.load_profile
FROM source.account AS a
LEFT JOIN fed_by AS f ON f.account_id = a.account_id
LEFT JOIN source.transformer AS t ON t.transformer_id = f.transformer_id
LEFT JOIN segment.arrears_score AS r ON r.account_id = a.account_id
LEFT JOIN segment.leave_score AS v ON v.account_id = a.account_id
LEFT JOIN segment.tariff_fit AS b ON b.account_id = a.account_id AND b.place = 1
LEFT JOIN segment.account_shape AS h ON h.account_id = a.account_id
LEFT JOIN segment.account_load_profile AS p ON p.account_id = a.account_id
