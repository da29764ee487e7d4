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
SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  live_account.usage_category <> tariff.usage_category AS flagged,
  live_account.usage_category,
  live_account.tariff_code,
  tariff.usage_category AS tariff_usage_category
FROM core.live_account
LEFT JOIN source.tariff ON tariff.tariff_code = live_account.tariff_code
