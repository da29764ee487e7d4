/*
grain: one row an account with interval readings in P
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
  SELECT p.account_id, 0 AS hour, p.h00 AS workday, p.w00 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 1 AS hour, p.h01 AS workday, p.w01 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 2 AS hour, p.h02 AS workday, p.w02 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 3 AS hour, p.h03 AS workday, p.w03 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 4 AS hour, p.h04 AS workday, p.w04 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 5 AS hour, p.h05 AS workday, p.w05 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 6 AS hour, p.h06 AS workday, p.w06 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 7 AS hour, p.h07 AS workday, p.w07 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 8 AS hour, p.h08 AS workday, p.w08 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 9 AS hour, p.h09 AS workday, p.w09 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 10 AS hour, p.h10 AS workday, p.w10 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 11 AS hour, p.h11 AS workday, p.w11 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 12 AS hour, p.h12 AS workday, p.w12 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 13 AS hour, p.h13 AS workday, p.w13 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 14 AS hour, p.h14 AS workday, p.w14 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 15 AS hour, p.h15 AS workday, p.w15 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 16 AS hour, p.h16 AS workday, p.w16 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 17 AS hour, p.h17 AS workday, p.w17 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 18 AS hour, p.h18 AS workday, p.w18 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 19 AS hour, p.h19 AS workday, p.w19 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 20 AS hour, p.h20 AS workday, p.w20 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 21 AS hour, p.h21 AS workday, p.w21 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 22 AS hour, p.h22 AS workday, p.w22 AS weekend FROM facts.hourly_profile AS p
  UNION ALL
  SELECT p.account_id, 23 AS hour, p.h23 AS workday, p.w23 AS weekend FROM facts.hourly_profile AS p
),
summed AS (
  SELECT h.account_id,
         SUM(CAST(h.workday AS DECIMAL(18,6))) AS workday,
         SUM(CAST(h.weekend AS DECIMAL(18,6))) AS weekend,
         SUM(CAST(h.workday AS DECIMAL(18,6))) FILTER (WHERE h.hour = 23 OR h.hour < 7) AS night,
         SUM(CAST(h.workday AS DECIMAL(18,6))) FILTER (WHERE h.hour BETWEEN $peak_from AND $peak_to) AS peak,
         COUNT(h.workday) FILTER (WHERE h.hour BETWEEN $peak_from AND $peak_to) AS peak_hours,
         COUNT(h.workday) AS hours,
         COUNT(h.weekend) AS weekend_hours,
         MAX(h.workday) AS highest,
         MIN(h.workday) AS base_kw
  FROM hour AS h
  GROUP BY h.account_id
),
measured AS (
  SELECT s.account_id,
         ROUND(RATIO(s.night, CAST(s.workday AS DOUBLE)), 6) AS night_share,
         CASE WHEN s.weekend_hours = 24 AND s.hours = 24
              THEN ROUND(RATIO(2 * CAST(s.weekend AS DOUBLE), 5 * CAST(s.workday AS DOUBLE) + 2 * CAST(s.weekend AS DOUBLE)), 6) END AS weekend_share,
         ROUND(RATIO(s.workday, s.hours * s.highest), 6) AS load_factor,
         ROUND(RATIO(s.peak, s.peak_hours), 6) AS peak_kw,
         s.base_kw
  FROM summed AS s
),
controlled AS (
  SELECT DISTINCT h.account_id
  FROM source.product_holding AS h
  WHERE h.product_code = 'interruptible_load' AND h.since_on <= $as_of AND (h.until_on IS NULL OR h.until_on >= $as_of)
)
SELECT m.account_id,
       m.night_share,
       m.weekend_share,
       m.load_factor,
       m.peak_kw,
       m.base_kw,
       ROUND(GREATEST(COALESCE(m.peak_kw - m.base_kw, CAST(0 AS DOUBLE)), CAST(0 AS DOUBLE))
             * LEAST(COALESCE(p.share, CAST(0 AS DOUBLE))
                     * CASE WHEN c.account_id IS NOT NULL OR a.has_load_control THEN CAST($control_factor AS DOUBLE) ELSE CAST(1 AS DOUBLE) END,
                     CAST(1 AS DOUBLE)), 3) AS flexible_kw
FROM measured AS m
JOIN source.account AS a ON a.account_id = m.account_id
LEFT JOIN controlled AS c ON c.account_id = m.account_id
LEFT JOIN param.share AS p ON p.usage_category = a.usage_category
