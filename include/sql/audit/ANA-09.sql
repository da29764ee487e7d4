/*
title: Household tariff with the day of a business
zh: 高价低接嫌疑
flags_zh: 执行居民或农业电价的在用账户，审核月采集完整的工作日不少于 15 天、其他日不少于 6 天：工作日 8 时至 18 时电量占比不低于 min_day_share，其他日日均电量不高于工作日的 max_weekend_ratio，月电量不低于 min_kwh，列出复核。
what_to_do:
  en: See on site what the premises are used for; change the category and the tariff where it is business.
  zh: 现场核实用电性质，确为经营用电的变更用电类别和电价。
kind: listing
modes: [nightly]
subject: account
severity: medium
judges: month
proof: same
flags: >-
  live, on a residential or agricultural tariff, at least 15 workdays and 6 other days of P with all intervals measured: the
  share of workday energy from 08:00 to 18:00 is at least min_day_share, energy a day on other days at most
  max_weekend_ratio of that on workdays, and energy of P at least min_kwh.
at_stake: shadow bill on the commercial tariff of its voltage less billed
params:
  min_day_share: {type: number, default: 0.65, minimum: 0, maximum: 1, doc: 'Share of the energy of workdays that is used from 8:00 to 18:00.'}
  max_weekend_ratio: {type: number, default: 0.5, minimum: 0, doc: 'Energy of an other day over that of a workday.'}
  min_kwh: {type: number, default: 600, minimum: 0, doc: 'Energy of P from which an account is looked at.'}
  min_workdays: {type: integer, default: 15, minimum: 1, doc: 'Workdays of P on which all intervals are measured.'}
  min_other_days: {type: integer, default: 6, minimum: 1, doc: 'Other days of P on which all intervals are measured.'}
  commercial_tariff: {same_as: TAR-13.commercial_tariff}
messages:
  en: "On {tariff_code}, {daytime_share} of the energy of workdays is used from 8:00 to 18:00 (limit {min_daytime_share}), and other days use {weekend_share} of what workdays do (limit {max_weekend_share}); {period_kwh} kWh in the month."
  zh: "执行“{tariff_code}”，工作日 8 时至 18 时用电占 {daytime_share}（限值 {min_daytime_share}），其他日日均用电为工作日的 {weekend_share}（限值 {max_weekend_share}），当月电量 {period_kwh} kWh。"
*/
-- A two-part tariff has a charge that an account without a demand basis is not priced with.
WITH commercial AS (
  SELECT
    priced.account_id,
    priced.tariff_code,
    SUM(priced.total_amount) AS total_amount
  FROM facts.priced
  JOIN facts.business_day ON business_day.account_id = priced.account_id AND business_day.is_business
  JOIN source.tariff ON tariff.tariff_code = priced.tariff_code AND NOT tariff.is_two_part
  WHERE priced.purpose = 'commercial'
  GROUP BY priced.account_id, priced.tariff_code
  HAVING COUNT(priced.not_checked) = 0
),

-- The tariff that the utility names for the voltage, else the cheapest there is.
chosen AS (
  SELECT
    commercial.account_id,
    commercial.tariff_code,
    commercial.total_amount,
    ROW_NUMBER() OVER (
      PARTITION BY commercial.account_id ORDER BY commercial.total_amount NULLS LAST, commercial.tariff_code
    ) AS place
  FROM commercial
  JOIN facts.business_day ON business_day.account_id = commercial.account_id
  LEFT JOIN param.commercial_tariff
    ON NOMINAL_KV(commercial_tariff.supply_kv)
    = NOMINAL_KV(business_day.supply_kv)
  WHERE commercial_tariff.tariff_code IS NULL OR commercial_tariff.tariff_code = commercial.tariff_code
)

SELECT
  business_day.account_id AS subject_id,
  business_day.account_id,
  business_day.is_business AS flagged,
  CASE
    WHEN
      business_day.workdays < $min_workdays OR business_day.other_days < $min_other_days
      THEN 'intervals_missing'
  END AS not_checked,
  MONEY(chosen.total_amount - bill_net.total_amount) AS at_stake_amount,
  business_day.tariff_code,
  business_day.tariff_usage_category,
  business_day.usage_category,
  business_day.workdays,
  business_day.other_days,
  ROUND(business_day.daytime_share, 6) AS daytime_share,
  ROUND(business_day.workday_kwh, 6) AS workday_kwh,
  ROUND(business_day.other_day_kwh, 6) AS other_day_kwh,
  ROUND(RATIO(business_day.other_day_kwh, business_day.workday_kwh), 6) AS weekend_share,
  business_day.period_kwh,
  $min_day_share AS min_daytime_share,
  $max_weekend_ratio AS max_weekend_share,
  $min_kwh AS min_kwh,
  chosen.tariff_code AS commercial_tariff_code,
  chosen.total_amount AS commercial_amount,
  bill_net.total_amount AS billed_amount
FROM facts.business_day
LEFT JOIN chosen ON chosen.account_id = business_day.account_id AND chosen.place = 1
LEFT JOIN facts.bill_net ON bill_net.account_id = business_day.account_id AND bill_net.period = $period
