/*
grain: one row a customer
key: [customer_id]
purpose: 'Static classification: usage category, voltage, size, industry section and tenure, each in bands.'
columns:
  customer_id: {type: string, doc: The customer.}
  usage_category: {type: string, doc: Of the largest live account; none without one.}
  voltage_band: {type: string, doc: 'low (below 1 kV), medium (below 35 kV), high; none without a live account.'}
  size_band: {type: string, doc: 'S, M, L, XL by summed contracted_kva.'}
  industry_section: {type: string, doc: 'Letter of the industry code; - where there is none.'}
  tenure_band: {type: string, doc: 'new, settled, long; none without a live account.'}
  is_business: {type: boolean, doc: 'The category is neither residential nor agricultural.'}
  segment: {type: string, doc: 'The five, parted by slashes.'}
params:
  size_m_kva: {type: number, default: 20, minimum: 0, doc: 'Smallest capacity of band M, kVA.'}
  size_l_kva: {type: number, default: 315, minimum: 0, doc: 'Smallest capacity of band L, kVA.'}
  size_xl_kva: {type: number, default: 3150, minimum: 0, doc: 'Smallest capacity of band XL, kVA.'}
  settled_days: {type: integer, default: 365, minimum: 1, doc: Supplied for so many days is settled.}
  long_days: {type: integer, default: 1826, minimum: 1, doc: Supplied for so many days is long.}
*/
WITH band AS (
  SELECT b.customer_id,
         COALESCE(b.usage_category, 'none') AS usage_category,
         CASE WHEN b.live_accounts = 0 OR b.supply_kv IS NULL THEN 'none' WHEN b.supply_kv < 1 THEN 'low' WHEN b.supply_kv < 35 THEN 'medium'
              ELSE 'high' END AS voltage_band,
         CASE WHEN b.contracted_kva >= $size_xl_kva THEN 'XL' WHEN b.contracted_kva >= $size_l_kva THEN 'L'
              WHEN b.contracted_kva >= $size_m_kva THEN 'M' ELSE 'S' END AS size_band,
         COALESCE(NULLIF(SUBSTRING(b.industry_code, 1, 1), ''), '-') AS industry_section,
         CASE WHEN b.tenure_days IS NULL THEN 'none' WHEN b.tenure_days >= $long_days THEN 'long'
              WHEN b.tenure_days >= $settled_days THEN 'settled' ELSE 'new' END AS tenure_band
  FROM segment.customer_base AS b
)
SELECT b.customer_id,
       b.usage_category,
       b.voltage_band,
       b.size_band,
       b.industry_section,
       b.tenure_band,
       b.usage_category NOT IN ('residential', 'agricultural', 'none') AS is_business,
       CONCAT(b.usage_category, '/', b.voltage_band, '/', b.size_band, '/', b.industry_section, '/', b.tenure_band) AS segment
FROM band AS b
