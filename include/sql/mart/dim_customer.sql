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
  behaviour_tier: {type: integer, doc: '1 (worst) to 5; cut at stated shares of the customers.'}
  value_score: {type: double, doc: '0 to 100.'}
  current_value_amount: {type: decimal, doc: Margin of 12 months.}
  potential_value_amount: {type: decimal, doc: Yearly amount that could be won.}
  credit: {type: double, doc: '1 less the arrears probability.'}
  is_key_account: {type: boolean, doc: 'Grade A, a large account, or strategic.'}
  emerging_key_account: {type: boolean, doc: 'An organisation whose potential is far above what it is worth now, with a sign of growth.'}
  emerging_sign: {type: string, doc: 'The signs of an emerging key account, in words; empty for all others.'}
  emerging_sign_zh: {type: string, doc: The same in Chinese.}
  kwh_change: {type: double, doc: 'Growth of energy over 12 months, a share; empty where there is nothing to compare with.'}
  trend: {type: string, doc: 'growing, steady or falling; empty where the change is.'}
  value_cell: {type: string, doc: 'Cell of the grid of current by potential value.'}
  value_cluster: {type: integer, doc: 'Cluster by current and potential value (mart.value_cluster); empty without a live account.'}
  value_cluster_name: {type: string, doc: 'Its name; no account without a live account.'}
  value_cluster_name_zh: {type: string, doc: The same in Chinese.}
  lifetime_value_amount: {type: decimal, doc: 'What its margin is worth over the years it is expected to stay, as of today; empty without a live account.'}
  lifetime_margin_amount: {type: decimal, doc: 'The margin of a year that this assumes to stay.'}
  lifetime_years: {type: double, doc: The years that this assumes (mart.lifetime_assumption).}
  lifetime_discount_rate: {type: double, doc: The rate a year by which later money counts less.}
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
  customer_grade.emerging_sign,
  customer_grade.emerging_sign_zh,
  customer_sign.kwh_change,
  customer_sign.trend,
  customer_value_cell.segment AS value_cell,
  customer_value_cluster.value_cluster,
  customer_value_cluster.segment AS value_cluster_name,
  customer_value_cluster.segment_zh AS value_cluster_name_zh,
  customer_lifetime.lifetime_value_amount,
  customer_lifetime.margin_amount AS lifetime_margin_amount,
  customer_lifetime.expected_years AS lifetime_years,
  customer_lifetime.discount_rate AS lifetime_discount_rate,
  customer_composite.segment,
  segment_definition.relationship_level,
  customer_data_grade.data_grade
FROM source.customer
JOIN segment.customer_base ON customer_base.customer_id = customer.customer_id
JOIN segment.customer_grade ON customer_grade.customer_id = customer.customer_id
JOIN segment.customer_value ON customer_value.customer_id = customer.customer_id
JOIN segment.customer_composite ON customer_composite.customer_id = customer.customer_id
JOIN segment.customer_data_grade ON customer_data_grade.customer_id = customer.customer_id
LEFT JOIN segment.customer_sign ON customer_sign.customer_id = customer.customer_id
LEFT JOIN segment.customer_value_cell ON customer_value_cell.customer_id = customer.customer_id
LEFT JOIN segment.customer_value_cluster ON customer_value_cluster.customer_id = customer.customer_id
LEFT JOIN segment.customer_lifetime ON customer_lifetime.customer_id = customer.customer_id
LEFT JOIN segment.segment_definition ON segment_definition.segment = customer_composite.segment
