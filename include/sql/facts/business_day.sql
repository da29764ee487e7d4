/*
grain: one row per live account on a residential or agricultural tariff
key: [account_id]
purpose: >-
  Whether an account on a household tariff uses its days as a business does, decided once for ANA-09 and for what is to be
  priced (facts.price_question).
view: true
columns:
  account_id: {type: string, doc: The supply account.}
  supply_kv: {type: double, doc: Of the account.}
  tariff_code: {type: string, doc: Of the account.}
  tariff_usage_category: {type: string, doc: Of its tariff.}
  usage_category: {type: string, doc: Of the account.}
  workdays: {type: integer, doc: 'Workdays of P on which all intervals are measured.'}
  other_days: {type: integer, doc: Other such days.}
  daytime_share: {type: double, doc: 'Share of the energy of workdays used from 8:00 to 18:00, 0 to 1.'}
  workday_kwh: {type: double, doc: Energy of a workday.}
  other_day_kwh: {type: double, doc: Energy of an other day.}
  period_kwh: {type: double, doc: Energy of P.}
  is_business: {type: boolean, doc: The day of a business.}
params:
  min_day_share: {same_as: ANA-09.min_day_share}
  max_weekend_ratio: {same_as: ANA-09.max_weekend_ratio}
  min_kwh: {same_as: ANA-09.min_kwh}
  min_workdays: {same_as: ANA-09.min_workdays}
  min_other_days: {same_as: ANA-09.min_other_days}
*/
SELECT
  live_account.account_id,
  live_account.supply_kv,
  live_account.tariff_code,
  tariff.usage_category AS tariff_usage_category,
  live_account.usage_category,
  COALESCE(day_pattern.workdays, 0) AS workdays,
  COALESCE(day_pattern.other_days, 0) AS other_days,
  RATIO(day_pattern.daytime_kwh, day_pattern.workday_kwh) AS daytime_share,
  RATIO(day_pattern.workday_kwh, day_pattern.workdays) AS workday_kwh,
  RATIO(day_pattern.other_kwh, day_pattern.other_days) AS other_day_kwh,
  day_pattern.period_kwh,
  COALESCE(
    day_pattern.workdays >= $min_workdays
    AND day_pattern.other_days >= $min_other_days
    AND day_pattern.workday_kwh > 0
    AND ROUND(day_pattern.daytime_kwh - $min_day_share * day_pattern.workday_kwh, 6) >= 0
    AND ROUND(
      day_pattern.other_kwh * day_pattern.workdays
      - $max_weekend_ratio * day_pattern.workday_kwh * day_pattern.other_days, 6
    )
    <= 0
    AND ROUND(day_pattern.period_kwh - $min_kwh, 6) >= 0,
    FALSE
  ) AS is_business
FROM core.live_account
JOIN source.tariff
  ON tariff.tariff_code = live_account.tariff_code
  AND tariff.usage_category IN ('residential', 'agricultural')
LEFT JOIN facts.day_pattern ON day_pattern.account_id = live_account.account_id
