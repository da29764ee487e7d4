/*
grain: one row per account with interval readings in P
key: [account_id]
purpose: What the day of an account says in a few numbers, and how much load it could give up at peak.
columns:
  account_id: {type: string, doc: The supply account.}
  night_share: {type: double, doc: 'Share of the energy from 23:00 to 7:00.'}
  weekend_share: {type: double, doc: 'Share of a week''s energy on 2 weekend days of 7.'}
  load_factor: {type: double, doc: Mean over highest hourly mean.}
  peak_kw: {type: double, doc: Mean power on workdays in the peak hours.}
  base_kw: {type: double, doc: Lowest hourly mean of the workday.}
  flexible_kw: {type: double, doc: 'Share of the power above base in the peak hours that the usage category could shed or shift; times control_factor where the utility can switch load.'}
params:
  peak_from: {type: integer, default: 17, minimum: 0, maximum: 23, doc: First peak hour of the day.}
  peak_to: {type: integer, default: 21, minimum: 0, maximum: 23, doc: Last peak hour of the day.}
  share:
    type: map
    columns: {usage_category: string, share: double}
    default: {residential: 0.10, commercial: 0.20, general_industrial: 0.25, large_industrial: 0.30, agricultural: 0.40, bulk_resale: 0.05}
    doc: Share of the power above base that can be shed or shifted.
  control_factor: {type: number, default: 1.5, minimum: 1, maximum: 5, doc: More of it where load control or interruptible load is in place; never above all of it.}
*/
WITH hour AS (
  SELECT
    hourly_profile.account_id,
    0 AS hour,
    hourly_profile.h00 AS workday,
    hourly_profile.w00 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    1 AS hour,
    hourly_profile.h01 AS workday,
    hourly_profile.w01 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    2 AS hour,
    hourly_profile.h02 AS workday,
    hourly_profile.w02 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    3 AS hour,
    hourly_profile.h03 AS workday,
    hourly_profile.w03 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    4 AS hour,
    hourly_profile.h04 AS workday,
    hourly_profile.w04 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    5 AS hour,
    hourly_profile.h05 AS workday,
    hourly_profile.w05 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    6 AS hour,
    hourly_profile.h06 AS workday,
    hourly_profile.w06 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    7 AS hour,
    hourly_profile.h07 AS workday,
    hourly_profile.w07 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    8 AS hour,
    hourly_profile.h08 AS workday,
    hourly_profile.w08 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    9 AS hour,
    hourly_profile.h09 AS workday,
    hourly_profile.w09 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    10 AS hour,
    hourly_profile.h10 AS workday,
    hourly_profile.w10 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    11 AS hour,
    hourly_profile.h11 AS workday,
    hourly_profile.w11 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    12 AS hour,
    hourly_profile.h12 AS workday,
    hourly_profile.w12 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    13 AS hour,
    hourly_profile.h13 AS workday,
    hourly_profile.w13 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    14 AS hour,
    hourly_profile.h14 AS workday,
    hourly_profile.w14 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    15 AS hour,
    hourly_profile.h15 AS workday,
    hourly_profile.w15 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    16 AS hour,
    hourly_profile.h16 AS workday,
    hourly_profile.w16 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    17 AS hour,
    hourly_profile.h17 AS workday,
    hourly_profile.w17 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    18 AS hour,
    hourly_profile.h18 AS workday,
    hourly_profile.w18 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    19 AS hour,
    hourly_profile.h19 AS workday,
    hourly_profile.w19 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    20 AS hour,
    hourly_profile.h20 AS workday,
    hourly_profile.w20 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    21 AS hour,
    hourly_profile.h21 AS workday,
    hourly_profile.w21 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    22 AS hour,
    hourly_profile.h22 AS workday,
    hourly_profile.w22 AS weekend
  FROM facts.hourly_profile
  UNION ALL
  SELECT
    hourly_profile.account_id,
    23 AS hour,
    hourly_profile.h23 AS workday,
    hourly_profile.w23 AS weekend
  FROM facts.hourly_profile
),

summed AS (
  SELECT
    hour.account_id,
    SUM(CAST(hour.workday AS DECIMAL(18, 6))) AS workday,
    SUM(CAST(hour.weekend AS DECIMAL(18, 6))) AS weekend,
    SUM(CAST(hour.workday AS DECIMAL(18, 6))) FILTER (WHERE hour.hour = 23 OR hour.hour < 7) AS night,
    SUM(CAST(hour.workday AS DECIMAL(18, 6))) FILTER (WHERE hour.hour BETWEEN $peak_from AND $peak_to)
      AS peak,
    COUNT(hour.workday) FILTER (WHERE hour.hour BETWEEN $peak_from AND $peak_to) AS peak_hours,
    COUNT(hour.workday) AS hours,
    COUNT(hour.weekend) AS weekend_hours,
    MAX(hour.workday) AS highest,
    MIN(hour.workday) AS base_kw
  FROM hour
  GROUP BY hour.account_id
),

measured AS (
  SELECT
    summed.account_id,
    ROUND(RATIO(summed.night, CAST(summed.workday AS DOUBLE)), 6) AS night_share,
    CASE
      WHEN summed.weekend_hours = 24 AND summed.hours = 24
        THEN
          ROUND(
            RATIO(
              2 * CAST(summed.weekend AS DOUBLE),
              5 * CAST(summed.workday AS DOUBLE) + 2 * CAST(summed.weekend AS DOUBLE)
            ),
            6
          )
    END AS weekend_share,
    ROUND(RATIO(summed.workday, summed.hours * summed.highest), 6) AS load_factor,
    ROUND(RATIO(summed.peak, summed.peak_hours), 6) AS peak_kw,
    summed.base_kw
  FROM summed
),

controlled AS (
  SELECT DISTINCT product_holding.account_id
  FROM source.product_holding
  WHERE
    product_holding.product_code = 'interruptible_load'
    AND product_holding.since_on <= $as_of
    AND (product_holding.until_on IS NULL OR product_holding.until_on >= $as_of)
)

SELECT
  measured.account_id,
  measured.night_share,
  measured.weekend_share,
  measured.load_factor,
  measured.peak_kw,
  measured.base_kw,
  ROUND(
    GREATEST(COALESCE(measured.peak_kw - measured.base_kw, CAST(0 AS DOUBLE)), CAST(0 AS DOUBLE))
    * LEAST(
      COALESCE(share.share, CAST(0 AS DOUBLE))
      * CASE
        WHEN
          controlled.account_id IS NOT NULL OR account.has_load_control
          THEN CAST($control_factor AS DOUBLE)
        ELSE CAST(1 AS DOUBLE)
      END,
      CAST(1 AS DOUBLE)
    ), 3
  ) AS flexible_kw
FROM measured
JOIN source.account ON account.account_id = measured.account_id
LEFT JOIN controlled ON controlled.account_id = measured.account_id
LEFT JOIN param.share ON share.usage_category = account.usage_category
