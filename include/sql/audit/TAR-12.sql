/*
title: Time-of-use price not applied
zh: 未按要求执行三费率
kind: exception
modes: [nightly]
subject: account
severity: high
flags: live, usage_category in categories, contracted_kva at least min_kva, and the tariff is not time-of-use.
params:
  categories: {type: list, columns: {usage_category: string}, default: [large_industrial, general_industrial, commercial], doc: Categories that must be on a time-of-use tariff.}
  min_kva: {type: number, default: 100, minimum: 0, doc: From this capacity on.}
messages:
  en: "An account of {contracted_kva} kVA is on tariff {tariff_code}, which is not time-of-use."
  zh: "容量 {contracted_kva} kVA 的客户执行非分时电价 {tariff_code}。"
*/
SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  NOT tariff.is_time_of_use AS flagged,
  live_account.tariff_code,
  live_account.usage_category,
  live_account.contracted_kva,
  $min_kva AS min_kva
FROM core.live_account
JOIN param.categories ON categories.usage_category = live_account.usage_category
LEFT JOIN source.tariff ON tariff.tariff_code = live_account.tariff_code
WHERE live_account.contracted_kva >= $min_kva
