/*
title: Tariff belongs to another usage category
zh: 用电类别与电价类别不一致
flags_zh: 账户的用电类别与所执行电价的用电类别不一致。
what_to_do:
  en: >-
    Establish on site what the energy is used for and correct the category or the tariff; bills issued on
    the wrong tariff are billed anew.
  zh: 现场核实用电性质，更正用电类别或电价；已按错误电价计费的，退补差额电费。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: state
proof: same
flags: >-
  account.usage_category differs from the usage_category of its tariff.
messages:
  en: "The account is filed as {usage_category}, but its tariff {tariff_code} is one for {tariff_usage_category}."
  zh: "账户用电类别为{usage_category}，所执行电价“{tariff_code}”属于{tariff_usage_category}。"
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
