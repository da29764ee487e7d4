/*
grain: one row per customer
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
  SELECT
    customer_base.customer_id,
    COALESCE(customer_base.usage_category, 'none') AS usage_category,
    CASE
      WHEN customer_base.live_accounts = 0 OR customer_base.supply_kv IS NULL THEN 'none' WHEN
        customer_base.supply_kv < 1
        THEN 'low'
      WHEN customer_base.supply_kv < 35 THEN 'medium'
      ELSE 'high'
    END AS voltage_band,
    CASE
      WHEN customer_base.contracted_kva >= $size_xl_kva THEN 'XL' WHEN
        customer_base.contracted_kva >= $size_l_kva
        THEN 'L'
      WHEN customer_base.contracted_kva >= $size_m_kva THEN 'M' ELSE 'S'
    END AS size_band,
    COALESCE(NULLIF(SUBSTRING(customer_base.industry_code, 1, 1), ''), '-') AS industry_section,
    CASE
      WHEN customer_base.tenure_days IS NULL THEN 'none' WHEN
        customer_base.tenure_days >= $long_days
        THEN 'long'
      WHEN customer_base.tenure_days >= $settled_days THEN 'settled' ELSE 'new'
    END AS tenure_band
  FROM segment.customer_base
)

SELECT
  band.customer_id,
  band.usage_category,
  band.voltage_band,
  band.size_band,
  band.industry_section,
  band.tenure_band,
  band.usage_category NOT IN ('residential', 'agricultural', 'none') AS is_business,
  CONCAT(
    band.usage_category,
    '/',
    band.voltage_band,
    '/',
    band.size_band,
    '/',
    band.industry_section,
    '/',
    band.tenure_band
  ) AS segment
FROM band
