/*
grain: one row per customer
key: [customer_id]
purpose: What BI and campaigns may know of a customer, without personal data.
columns:
  customer_id: {type: string, doc: The customer.}
  kind: {type: string, doc: person or organisation.}
  industry_code: {type: string, doc: "The customer's; where empty, that of the largest live account."}
  region_code: {type: string, doc: Administrative division of the customer.}
  registered_on: {type: date, doc: When the record was made.}
  live_accounts: {type: integer, doc: Number of live accounts.}
  grade: {type: string, doc: 'A to E.'}
  objective_tier: {type: integer, doc: '1 (smallest) to 5.'}
  behaviour_tier: {type: integer, doc: '1 (worst) to 5.'}
  value_score: {type: double, doc: '0 to 100.'}
  current_value_amount: {type: decimal, doc: Margin of 12 months.}
  potential_value_amount: {type: decimal, doc: Yearly amount that could be won.}
  credit: {type: double, doc: '1 less the arrears probability.'}
  is_key_account: {type: boolean, doc: 'Grade A, a large account, or strategic.'}
  emerging_key_account: {type: boolean, doc: Potential far above what the customer is worth now.}
  segment: {type: string, doc: Segment of the composite method.}
  relationship_level: {type: string, doc: 'basic, reactive, accountable, proactive or partnership.'}
  data_grade: {type: integer, doc: '1 (best) to 4.'}
*/
SELECT
  customer.customer_id,
  customer.kind,
  customer_base.industry_code,
  customer.region_code,
  customer.registered_on,
  customer_base.live_accounts,
  customer_grade.grade,
  customer_grade.objective_tier,
  customer_grade.behaviour_tier,
  customer_grade.value_score,
  customer_value.current_value_amount,
  customer_value.potential_value_amount,
  customer_value.credit,
  customer_grade.is_key_account,
  customer_grade.emerging_key_account,
  customer_composite.segment,
  segment_definition.relationship_level,
  customer_data_grade.data_grade
FROM source.customer
JOIN segment.customer_base ON customer_base.customer_id = customer.customer_id
JOIN segment.customer_grade ON customer_grade.customer_id = customer.customer_id
JOIN segment.customer_value ON customer_value.customer_id = customer.customer_id
JOIN segment.customer_composite ON customer_composite.customer_id = customer.customer_id
JOIN segment.customer_data_grade ON customer_data_grade.customer_id = customer.customer_id
LEFT JOIN segment.segment_definition ON segment_definition.segment = customer_composite.segment
