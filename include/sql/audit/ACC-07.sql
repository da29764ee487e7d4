/*
title: VAT documents incomplete
zh: 增值税发票资料不齐备
kind: exception
modes: [online, nightly]
subject: order
severity: medium
flags: >-
  wants_vat_invoice, and vat_documents_complete is false or the customer's tax_id is blank.
messages:
  en: "A VAT invoice is wanted, but this is missing: {missing}."
  zh: "需开具增值税发票，但缺少：{missing}。"
*/
SELECT o.order_id AS subject_id,
       o.account_id,
       a.customer_id,
       a.wants_vat_invoice AND (COALESCE(NOT o.vat_documents_complete, FALSE) OR NOT COALESCE(REGEXP_MATCHES(c.tax_id, '[^\s\p{Z}]'), FALSE)) AS flagged,
       CONCAT_WS(', ',
         CASE WHEN NOT o.vat_documents_complete THEN 'vat documents' END,
         CASE WHEN REGEXP_MATCHES(c.tax_id, '[^\s\p{Z}]') THEN NULL ELSE 'tax_id' END) AS missing,
       a.wants_vat_invoice
FROM core.open_application AS o
INNER JOIN source.account AS a ON a.account_id = o.account_id
LEFT JOIN source.customer AS c ON c.customer_id = a.customer_id
