/*
grain: one row a customer record, what is proposed, and the field
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
  SELECT c.customer_id, c.kind, c.id_number, c.mobile, c.phone, c.email, c.postal_address, c.postcode, c.industry_code, b.live_accounts,
         a.org_unit_id, d.data_grade, d.campaigns, d.has_response, d.has_service,
         n.account_id IS NOT NULL AS has_account
  FROM source.customer AS c
  JOIN segment.customer_base AS b ON b.customer_id = c.customer_id
  JOIN segment.customer_data_grade AS d ON d.customer_id = c.customer_id
  LEFT JOIN source.account AS a ON a.account_id = b.main_account_id
  LEFT JOIN (SELECT o.customer_id, MIN(o.account_id) AS account_id FROM source.account AS o GROUP BY o.customer_id) AS n ON n.customer_id = c.customer_id
),
reached AS (
  SELECT DISTINCT e.customer_id FROM source.campaign_event AS e
),
proposed AS (
  SELECT b.customer_id, 'delete' AS proposal, 'record' AS field, 'never used, no identity number, no telephone number, no account and no service' AS reason, b.org_unit_id
  FROM base AS b
  LEFT JOIN reached AS r ON r.customer_id = b.customer_id
  WHERE r.customer_id IS NULL AND NULLIF(TRIM(b.id_number), '') IS NULL AND NULLIF(TRIM(b.mobile), '') IS NULL AND NULLIF(TRIM(b.phone), '') IS NULL
    AND NOT b.has_account AND NOT b.has_service
  UNION ALL
  SELECT b.customer_id, 'mend' AS proposal, 'id_number' AS field,
         CASE WHEN NULLIF(TRIM(b.id_number), '') IS NULL THEN 'missing' ELSE 'not valid' END AS reason, b.org_unit_id
  FROM base AS b
  LEFT JOIN core.identity_number AS i ON i.customer_id = b.customer_id
  WHERE b.live_accounts > 0 AND NOT COALESCE(CASE WHEN b.kind = 'person' THEN i.is_resident_number ELSE i.is_credit_code END, FALSE)
  UNION ALL
  SELECT b.customer_id, 'mend' AS proposal, 'mobile' AS field, CASE WHEN NULLIF(TRIM(b.mobile), '') IS NULL THEN 'missing' ELSE 'not valid' END AS reason, b.org_unit_id
  FROM base AS b
  LEFT JOIN core.phone AS p ON p.raw = b.mobile
  WHERE b.live_accounts > 0 AND NOT COALESCE(p.is_mobile, FALSE)
  UNION ALL
  SELECT b.customer_id, 'mend' AS proposal, 'email' AS field, 'not valid' AS reason, b.org_unit_id
  FROM base AS b
  WHERE b.live_accounts > 0 AND NULLIF(TRIM(b.email), '') IS NOT NULL AND NOT REGEXP_MATCHES(b.email, '^[^@\s]+@[^@\s]+[.][^@\s]+$')
  UNION ALL
  SELECT b.customer_id, 'mend' AS proposal, 'postal_address' AS field, 'missing' AS reason, b.org_unit_id
  FROM base AS b
  WHERE b.live_accounts > 0 AND NULLIF(TRIM(b.postal_address), '') IS NULL
  UNION ALL
  SELECT b.customer_id, 'mend' AS proposal, 'industry_code' AS field, CASE WHEN b.industry_code IS NULL THEN 'missing' ELSE 'not valid' END AS reason, b.org_unit_id
  FROM base AS b
  WHERE b.live_accounts > 0 AND b.kind = 'organisation' AND NOT COALESCE(REGEXP_MATCHES(b.industry_code, '^[A-T][0-9]{2}$'), FALSE)
  UNION ALL
  SELECT p.customer_id, 'merge' AS proposal, p.other_customer_id AS field, CONCAT('probably the same: ', p.evidence) AS reason, b.org_unit_id
  FROM segment.duplicate_pair AS p
  JOIN base AS b ON b.customer_id = p.customer_id
)
SELECT p.customer_id, p.proposal, p.field, p.reason, w.reason_zh, p.org_unit_id
FROM proposed AS p
LEFT JOIN param.words AS w ON w.reason = p.reason
