/*
title: Bank details incomplete
zh: 开户银行信息不齐备
flags_zh: 付款方式为银行代扣，而开户银行或银行账号为空。
what_to_do:
  en: Obtain the bank and the account number with the debit authority, or change the way of payment.
  zh: 请客户补交代扣协议并补录开户银行和银行账号；不办理代扣的，变更付款方式。
kind: exception
modes: [online, nightly]
subject: order
severity: medium
judges: state
proof: same
flags: >-
  payment_method is bank_debit and bank_name or bank_account is blank.
messages:
  en: "Bank debit is chosen, but this is missing: {missing}."
  zh: "选择银行代扣，但缺少：{missing}。"
*/
SELECT
  open_application.order_id AS subject_id,
  open_application.account_id,
  account.payment_method = 'bank_debit'
  AND (
    NOT COALESCE(REGEXP_MATCHES(account.bank_name, '[^\s\p{Z}]'), FALSE)
    OR NOT COALESCE(REGEXP_MATCHES(account.bank_account, '[^\s\p{Z}]'), FALSE)
  ) AS flagged,
  account.payment_method,
  CONCAT_WS(
    ', ',
    CASE WHEN REGEXP_MATCHES(account.bank_name, '[^\s\p{Z}]') THEN NULL ELSE 'bank_name' END,
    CASE WHEN REGEXP_MATCHES(account.bank_account, '[^\s\p{Z}]') THEN NULL ELSE 'bank_account' END
  ) AS missing
FROM core.open_application
INNER JOIN source.account ON account.account_id = open_application.account_id
