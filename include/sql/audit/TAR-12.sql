/*
title: Time-of-use price not applied
zh: 未按要求执行三费率
flags_zh: 在用账户用电类别属于 categories，合同容量不低于 min_kva，而执行的电价不是分时电价。
what_to_do:
  en: >-
    Change the account to the time-of-use tariff of its category, install a meter with the registers it
    needs, and tell the customer from which day.
  zh: 改为同类分时电价，更换具备分时计量功能的电能表，并告知客户执行日期。
kind: exception
modes: [nightly]
subject: account
severity: high
judges: state
proof: same
flags: live, usage_category in categories, contracted_kva at least min_kva, and the tariff is not time-of-use.
params:
  categories: {type: list, columns: {usage_category: string}, default: [large_industrial, general_industrial, commercial], doc: Categories that must be on a time-of-use tariff.}
  min_kva: {type: number, default: 100, minimum: 0, doc: From this capacity on.}
messages:
  en:
    - "The account of {contracted_kva} kVA ({usage_category}) is on {tariff_code}, which is not time of use; from {min_kva} kVA it must be."
    - "The account of {contracted_kva} kVA ({usage_category}) is on no time-of-use tariff; from {min_kva} kVA it must be."
  zh:
    - "容量 {contracted_kva} kVA 的{usage_category}客户执行“{tariff_code}”，不是分时电价；{min_kva} kVA 及以上应执行分时电价。"
    - "容量 {contracted_kva} kVA 的{usage_category}客户未执行分时电价；{min_kva} kVA 及以上应执行分时电价。"
*/
SELECT
  live_account.account_id AS subject_id,
  live_account.account_id,
  tariff_candidate.lacks_time_of_use AS flagged,
  live_account.tariff_code,
  live_account.usage_category,
  live_account.contracted_kva,
  $min_kva AS min_kva
FROM core.live_account
JOIN param.categories ON categories.usage_category = live_account.usage_category
-- What an account may be on is decided in one place, for tariff fit too.
LEFT JOIN facts.tariff_candidate
  ON tariff_candidate.account_id = live_account.account_id AND tariff_candidate.is_own
WHERE live_account.contracted_kva >= $min_kva
