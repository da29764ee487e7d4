/*
grain: one row per customer record, what is proposed, and the field
key: [customer_id, proposal, field]
purpose: Records that a person should mend, merge or delete. Nothing is deleted by itself; no personal data stands here.
columns:
  customer_id: {type: string, doc: The record.}
  proposal: {type: string, doc: 'mend, merge or delete.'}
  field: {type: string, doc: 'The field to mend; for merge the other customer_id; for delete record.'}
  reason: {type: string, doc: 'missing, not valid, or why.'}
  reason_zh: {type: string, doc: The same in Chinese.}
  org_unit_id: {type: string, doc: Unit of the largest live account; empty without one.}
params:
  words:
    type: rows
    columns: {reason: string, reason_zh: string}
    default:
      - ['never used, no identity number, no telephone number, no account and no service', 从未使用，无证件号码、无电话、无用电户、无服务]
      - [missing, 缺失]
      - [not valid, 无效]
      - ['probably the same: identity number', 疑似同一客户：证件号码相同]
      - ['probably the same: likeness', 疑似同一客户：信息相似]
    doc: The reasons in Chinese.
*/
WITH base AS (
  SELECT
    customer.customer_id,
    customer.kind,
    customer.id_number,
    customer.mobile,
    customer.phone,
    customer.email,
    customer.postal_address,
    customer.postcode,
    customer.industry_code,
    customer_base.live_accounts,
    account.org_unit_id,
    customer_data_grade.data_grade,
    customer_data_grade.campaigns,
    customer_data_grade.has_response,
    customer_data_grade.has_service,
    first_account.account_id IS NOT NULL AS has_account
  FROM source.customer
  JOIN segment.customer_base ON customer_base.customer_id = customer.customer_id
  JOIN segment.customer_data_grade ON customer_data_grade.customer_id = customer.customer_id
  LEFT JOIN source.account ON account.account_id = customer_base.main_account_id
  LEFT JOIN
    (SELECT
      account.customer_id,
      MIN(account.account_id) AS account_id
    FROM source.account GROUP BY account.customer_id) AS first_account
    ON first_account.customer_id = customer.customer_id
),

reached AS (
  SELECT DISTINCT campaign_event.customer_id FROM source.campaign_event
),

proposed AS (
  SELECT
    base.customer_id,
    'delete' AS proposal,
    'record' AS field,
    'never used, no identity number, no telephone number, no account and no service' AS reason,
    base.org_unit_id
  FROM base
  LEFT JOIN reached ON reached.customer_id = base.customer_id
  WHERE
    reached.customer_id IS NULL
    AND NULLIF(TRIM(base.id_number), '') IS NULL
    AND NULLIF(TRIM(base.mobile), '') IS NULL
    AND NULLIF(TRIM(base.phone), '') IS NULL
    AND NOT base.has_account AND NOT base.has_service
  UNION ALL
  SELECT
    base.customer_id,
    'mend' AS proposal,
    'id_number' AS field,
    CASE WHEN NULLIF(TRIM(base.id_number), '') IS NULL THEN 'missing' ELSE 'not valid' END AS reason,
    base.org_unit_id
  FROM base
  LEFT JOIN core.identity_number ON identity_number.customer_id = base.customer_id
  WHERE
    base.live_accounts > 0
    AND NOT COALESCE(
      CASE
        WHEN base.kind = 'person' THEN identity_number.is_resident_number ELSE identity_number.is_credit_code
      END,
      FALSE
    )
  UNION ALL
  SELECT
    base.customer_id,
    'mend' AS proposal,
    'mobile' AS field,
    CASE WHEN NULLIF(TRIM(base.mobile), '') IS NULL THEN 'missing' ELSE 'not valid' END AS reason,
    base.org_unit_id
  FROM base
  LEFT JOIN core.phone ON phone.raw = base.mobile
  WHERE base.live_accounts > 0 AND NOT COALESCE(phone.is_mobile, FALSE)
  UNION ALL
  SELECT
    base.customer_id,
    'mend' AS proposal,
    'email' AS field,
    'not valid' AS reason,
    base.org_unit_id
  FROM base
  WHERE
    base.live_accounts > 0
    AND NULLIF(TRIM(base.email), '') IS NOT NULL
    AND NOT REGEXP_MATCHES(base.email, '^[^@\s]+@[^@\s]+[.][^@\s]+$')
  UNION ALL
  SELECT
    base.customer_id,
    'mend' AS proposal,
    'postal_address' AS field,
    'missing' AS reason,
    base.org_unit_id
  FROM base
  WHERE base.live_accounts > 0 AND NULLIF(TRIM(base.postal_address), '') IS NULL
  UNION ALL
  SELECT
    base.customer_id,
    'mend' AS proposal,
    'industry_code' AS field,
    CASE WHEN base.industry_code IS NULL THEN 'missing' ELSE 'not valid' END AS reason,
    base.org_unit_id
  FROM base
  WHERE
    base.live_accounts > 0
    AND base.kind = 'organisation'
    AND NOT COALESCE(REGEXP_MATCHES(base.industry_code, '^[A-T][0-9]{2}$'), FALSE)
  UNION ALL
  SELECT
    duplicate_pair.customer_id,
    'merge' AS proposal,
    duplicate_pair.other_customer_id AS field,
    CONCAT('probably the same: ', duplicate_pair.evidence) AS reason,
    base.org_unit_id
  FROM segment.duplicate_pair
  JOIN base ON base.customer_id = duplicate_pair.customer_id
)

SELECT
  proposed.customer_id,
  proposed.proposal,
  proposed.field,
  proposed.reason,
  words.reason_zh,
  proposed.org_unit_id
FROM proposed
LEFT JOIN param.words ON words.reason = proposed.reason
