/*
grain: one row a customer
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
SELECT c.customer_id,
       c.kind,
       b.industry_code,
       c.region_code,
       c.registered_on,
       b.live_accounts,
       g.grade,
       g.objective_tier,
       g.behaviour_tier,
       g.value_score,
       v.current_value_amount,
       v.potential_value_amount,
       v.credit,
       g.is_key_account,
       g.emerging_key_account,
       p.segment,
       l.relationship_level,
       d.data_grade
FROM source.customer AS c
JOIN segment.customer_base AS b ON b.customer_id = c.customer_id
JOIN segment.customer_grade AS g ON g.customer_id = c.customer_id
JOIN segment.customer_value AS v ON v.customer_id = c.customer_id
JOIN segment.customer_composite AS p ON p.customer_id = c.customer_id
JOIN segment.customer_data_grade AS d ON d.customer_id = c.customer_id
LEFT JOIN segment.segment_definition AS l ON l.segment = p.segment
