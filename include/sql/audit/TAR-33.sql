/*
title: Far from the same month last year
zh: 同比异常
flags_zh: 审核月日均计费电量高于上年同月的 max_ratio 倍或低于其 1/max_ratio，且月电量差超过 min_kwh，上月与其上年同月同向变化；两期均在用、容量未变、未暂停，列出复核。
what_to_do:
  en: Look over reading, multiplier and use of the premises; note the reason where they hold.
  zh: 复核示数、倍率和用电情况，无误的注明原因。
kind: listing
modes: [nightly]
subject: account
severity: low
judges: month
proof: next
flags: >-
  net billed_kwh per bill day of P above max_ratio times, or below 1 / max_ratio of, that of the same month a year before, by more
  than min_kwh a month, and the month before P against its own in the same direction; live both times, contracted_kva unchanged,
  not suspended on any of these days.
params:
  max_ratio: {type: number, default: 2.5, minimum: 1, doc: 'Times of the year before, or parts of it.'}
  min_kwh: {type: map, columns: {usage_category: string, min_kwh: double}, default: {residential: 200, default: 2000}, doc: 'Smallest difference looked at, in kWh a month; default is for all other categories.'}
messages:
  en: "{kwh_per_day} kWh a day were billed, {year_before_kwh_per_day} a year before; the month before {before_kwh_per_day} against {before_year_kwh_per_day}. More than {max_ratio} times up or down and {min_kwh} kWh a month is listed."
  zh: "本月日均电量 {kwh_per_day} kWh，去年同期 {year_before_kwh_per_day} kWh；上期 {before_kwh_per_day} kWh，去年同期 {before_year_kwh_per_day} kWh；限值 {max_ratio} 倍且每月 {min_kwh} kWh。"
*/
WITH compared AS (
  SELECT
    live_account.account_id,
    live_account.usage_category,
    year_before.first_bill_day AS year_before_from,
    before_year.first_bill_day AS before_year_from,
    this_month.last_bill_day,
    this_month.period,
    year_before.period AS year_before_period,
    month_before.period AS before_period,
    before_year.period AS before_year_period,
    this_month.kwh_per_day AS kwh_per_day,
    year_before.kwh_per_day AS year_before_kwh_per_day,
    month_before.kwh_per_day AS before_kwh_per_day,
    before_year.kwh_per_day AS before_year_kwh_per_day
  FROM core.live_account
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = live_account.account_id
  JOIN facts.bill_rate AS this_month
    ON this_month.account_id = live_account.account_id AND this_month.period = $period
  JOIN facts.bill_rate AS year_before
    ON year_before.account_id = live_account.account_id AND year_before.period = ADD_MONTHS($period, -12)
  JOIN facts.bill_rate AS month_before
    ON month_before.account_id = live_account.account_id
    AND month_before.period = COALESCE(billing_cycle.last_period, ADD_MONTHS($period, -1))
  JOIN facts.bill_rate AS before_year
    ON before_year.account_id = live_account.account_id
    AND before_year.period = ADD_MONTHS(month_before.period, -12)
  WHERE
    COALESCE(billing_cycle.is_due, TRUE)
    AND live_account.opened_on <= LAST_DAY(ADD_MONTHS($period, -12))
),

suspended AS (
  SELECT DISTINCT compared.account_id
  FROM compared
  JOIN facts.bill_suspension ON bill_suspension.account_id = compared.account_id
  WHERE
    bill_suspension.period IN (
      compared.period, compared.year_before_period, compared.before_period, compared.before_year_period
    )
),

grown AS (
  SELECT DISTINCT compared.account_id
  FROM compared
  JOIN source.capacity_change
    ON capacity_change.account_id = compared.account_id
    AND capacity_change.kind IN ('new', 'increase')
    AND capacity_change.start_on > LEAST(compared.year_before_from, compared.before_year_from)
    AND capacity_change.start_on <= compared.last_bill_day
),

judged AS (
  SELECT
    compared.account_id,
    compared.kwh_per_day,
    compared.year_before_kwh_per_day,
    compared.before_kwh_per_day,
    compared.before_year_kwh_per_day,
    COALESCE(category_min.min_kwh, default_min.min_kwh) AS min_kwh,
    ROUND((compared.kwh_per_day - compared.year_before_kwh_per_day) * $period_days, 6) AS difference_kwh,
    ROUND(
      (compared.before_kwh_per_day - compared.before_year_kwh_per_day)
      * (DATE_DIFF('day', compared.before_period, LAST_DAY(compared.before_period)) + 1),
      6
    ) AS before_difference_kwh,
    ROUND(compared.kwh_per_day - $max_ratio * compared.year_before_kwh_per_day, 9) > 0
    AND ROUND(compared.before_kwh_per_day - $max_ratio * compared.before_year_kwh_per_day, 9) > 0 AS is_above,
    ROUND($max_ratio * compared.kwh_per_day - compared.year_before_kwh_per_day, 9) < 0
    AND ROUND($max_ratio * compared.before_kwh_per_day - compared.before_year_kwh_per_day, 9) < 0 AS is_below
  FROM compared
  LEFT JOIN suspended ON suspended.account_id = compared.account_id
  LEFT JOIN grown ON grown.account_id = compared.account_id
  LEFT JOIN param.min_kwh AS category_min ON category_min.usage_category = compared.usage_category
  LEFT JOIN param.min_kwh AS default_min ON default_min.usage_category = 'default'
  WHERE suspended.account_id IS NULL AND grown.account_id IS NULL
)

SELECT
  judged.account_id AS subject_id,
  judged.account_id,
  (
    judged.is_above
    AND judged.difference_kwh > judged.min_kwh
    AND judged.before_difference_kwh > judged.min_kwh
  )
  OR (
    judged.is_below
    AND -judged.difference_kwh > judged.min_kwh
    AND -judged.before_difference_kwh > judged.min_kwh
  ) AS flagged,
  judged.kwh_per_day,
  judged.year_before_kwh_per_day,
  judged.before_kwh_per_day,
  judged.before_year_kwh_per_day,
  judged.difference_kwh,
  judged.before_difference_kwh,
  $max_ratio AS max_ratio,
  judged.min_kwh
FROM judged
