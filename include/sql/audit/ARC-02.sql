/*
title: Tariff belongs to another usage category
zh: 用电类别与电价类别不一致
kind: exception
modes: [nightly]
subject: account
severity: high
flags: >-
  account.usage_category differs from the usage_category of its tariff.
messages:
  en: "The account is {usage_category}, its tariff {tariff_code} is {tariff_usage_category}."
  zh: "用电类别 {usage_category}，电价 {tariff_code} 属于 {tariff_usage_category}。"
*/
SELECT a.account_id AS subject_id,
       a.account_id,
       a.usage_category <> t.usage_category AS flagged,
       a.usage_category,
       a.tariff_code,
       t.usage_category AS tariff_usage_category
FROM core.live_account AS a
LEFT JOIN source.tariff AS t ON t.tariff_code = a.tariff_code
