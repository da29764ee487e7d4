/*
title: VAT documents incomplete
zh: 增值税发票资料不齐备
flags_zh: 客户需要增值税专用发票，而开票资料不齐，或纳税人识别号为空。
what_to_do:
  en: >-
    Ask for the missing VAT documents and the tax number and enter them; until then only ordinary invoices
    are issued.
  zh: 请客户补齐开票资料和纳税人识别号并录入；补齐前只开具普通发票。
kind: exception
modes: [online, nightly]
subject: order
severity: medium
judges: state
proof: same
flags: >-
  wants_vat_invoice, and vat_documents_complete is false or the customer's tax_id is blank.
messages:
  en: "A VAT invoice is wanted, but this is missing: {missing}."
  zh: "需开具增值税发票，但缺少：{missing}。"
*/
SELECT
  open_application.order_id AS subject_id,
  open_application.account_id,
  account.customer_id,
  account.wants_vat_invoice
  AND (
    COALESCE(NOT open_application.vat_documents_complete, FALSE)
    OR NOT COALESCE(REGEXP_MATCHES(customer.tax_id, '[^\s\p{Z}]'), FALSE)
  ) AS flagged,
  CONCAT_WS(
    ', ',
    CASE WHEN NOT open_application.vat_documents_complete THEN 'vat documents' END,
    CASE WHEN REGEXP_MATCHES(customer.tax_id, '[^\s\p{Z}]') THEN NULL ELSE 'tax_id' END
  ) AS missing,
  account.wants_vat_invoice
FROM core.open_application
INNER JOIN source.account ON account.account_id = open_application.account_id
LEFT JOIN source.customer ON customer.customer_id = account.customer_id
