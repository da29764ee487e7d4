/*
title: A reader unlike the others
zh: 抄表员行为异常
flags_zh: 审核月抄表不少于 min_readings 次的抄表员（同类不少于 min_peers 人），其估抄、修改、取整或与上期相同的示数占比，高于同类中位数超过 z_max 倍稳健标准差且超过 min_share，列出复核。
what_to_do:
  en: >-
    Read a sample of the areas again by somebody else and compare; speak with the reader about what differs.
  zh: 安排他人抽样复抄比对，就差异约谈抄表员。
kind: listing
modes: [nightly]
subject: staff
severity: medium
judges: month
proof: same
flags: >-
  staff in charge of reading areas with at least min_readings active_total readings of P at main points, at least min_peers
  such staff: the share of estimated, of edited (original_value set), of round (current_value a multiple of 10), or of
  unchanged-from-last-time readings lies more than z_max robust standard deviations (1.4826 x MAD) and more than min_share
  above their median. The evidence gives the four shares and medians.
params:
  min_readings: {type: integer, default: 50, minimum: 1, doc: 'Readings from which a reader is compared.'}
  min_peers: {type: integer, default: 5, minimum: 2, doc: 'Readers there must be to compare with, the one compared among them.'}
  z_max: {type: number, default: 4, minimum: 0, doc: 'Largest distance above the median in robust standard deviations.'}
  min_share: {type: number, default: 0.2, minimum: 0, maximum: 1, doc: 'Smallest distance above the median.'}
messages:
  en: "Of {readings} readings {estimated_share} are estimated (median of all readers {estimated_median_share}), {edited_share} edited ({edited_median_share}), {round_share} round ({round_median_share}) and {unchanged_share} unchanged ({unchanged_median_share}); this reader stands out by {problems} (limit {z_max} robust deviations and {min_share})."
  zh: "本月抄表 {readings} 次：估抄占 {estimated_share}（同行中位数 {estimated_median_share}），修改占 {edited_share}（{edited_median_share}），整数占 {round_share}（{round_median_share}），示数未变占 {unchanged_share}（{unchanged_median_share}）；明显偏高的是{problems}（限值 {z_max} 倍稳健标准差且 {min_share}）。"
*/
WITH reading AS (
  SELECT
    reading_area.staff_id,
    register_reading.method = 'estimated' AS is_estimated,
    register_reading.original_value IS NOT NULL AS is_edited,
    register_reading.current_value % 10 = 0 AS is_round,
    COALESCE(
      register_reading.current_value
      = COALESCE(register_energy.earlier_value, register_reading.previous_value), FALSE
    ) AS is_unchanged
  FROM source.register_reading
  JOIN source.metering_point
    ON metering_point.metering_point_id = register_reading.metering_point_id AND metering_point.role = 'main'
  JOIN source.account ON account.account_id = metering_point.account_id
  JOIN source.reading_area ON reading_area.reading_area_id = account.reading_area_id
  LEFT JOIN facts.billing_cycle ON billing_cycle.account_id = account.account_id
  LEFT JOIN facts.register_energy
    ON register_energy.metering_point_id = register_reading.metering_point_id
    AND register_energy.period = register_reading.period
    AND register_energy.register = register_reading.register
  WHERE
    register_reading.period = $period
    AND register_reading.register = 'active_total'
    AND COALESCE(billing_cycle.is_due, TRUE)
    AND TRIM(reading_area.staff_id) <> ''
),

counted AS (
  SELECT
    reading.staff_id,
    COUNT(*) AS readings,
    RATIO(COUNT(*) FILTER (WHERE reading.is_estimated), COUNT(*)) AS estimated_share,
    RATIO(COUNT(*) FILTER (WHERE reading.is_edited), COUNT(*)) AS edited_share,
    RATIO(COUNT(*) FILTER (WHERE reading.is_round), COUNT(*)) AS round_share,
    RATIO(COUNT(*) FILTER (WHERE reading.is_unchanged), COUNT(*)) AS unchanged_share
  FROM reading
  GROUP BY reading.staff_id
  HAVING COUNT(*) >= $min_readings
),

middle AS (
  SELECT
    COUNT(*) AS peers,
    MEDIAN(counted.estimated_share) AS estimated_median,
    MEDIAN(counted.edited_share) AS edited_median,
    MEDIAN(counted.round_share) AS round_median,
    MEDIAN(counted.unchanged_share) AS unchanged_median
  FROM counted
),

spread AS (
  SELECT
    1.4826 * MEDIAN(ABS(counted.estimated_share - middle.estimated_median)) AS estimated_sd,
    1.4826 * MEDIAN(ABS(counted.edited_share - middle.edited_median)) AS edited_sd,
    1.4826 * MEDIAN(ABS(counted.round_share - middle.round_median)) AS round_sd,
    1.4826 * MEDIAN(ABS(counted.unchanged_share - middle.unchanged_median)) AS unchanged_sd
  FROM counted
  CROSS JOIN middle
),

judged AS (
  SELECT
    counted.staff_id,
    counted.readings,
    middle.peers,
    counted.estimated_share,
    middle.estimated_median,
    ROUND(counted.estimated_share - middle.estimated_median - $min_share, 9) > 0
    AND ROUND(counted.estimated_share - middle.estimated_median - $z_max * spread.estimated_sd, 9) > 0
      AS is_estimated_high,
    counted.edited_share,
    middle.edited_median,
    ROUND(counted.edited_share - middle.edited_median - $min_share, 9) > 0
    AND ROUND(counted.edited_share - middle.edited_median - $z_max * spread.edited_sd, 9) > 0
      AS is_edited_high,
    counted.round_share,
    middle.round_median,
    ROUND(counted.round_share - middle.round_median - $min_share, 9) > 0
    AND ROUND(counted.round_share - middle.round_median - $z_max * spread.round_sd, 9) > 0 AS is_round_high,
    counted.unchanged_share,
    middle.unchanged_median,
    ROUND(counted.unchanged_share - middle.unchanged_median - $min_share, 9) > 0
    AND ROUND(counted.unchanged_share - middle.unchanged_median - $z_max * spread.unchanged_sd, 9) > 0
      AS is_unchanged_high
  FROM counted
  CROSS JOIN middle
  CROSS JOIN spread
)

SELECT
  judged.staff_id AS subject_id,
  staff.org_unit_id,
  judged.is_estimated_high OR judged.is_edited_high OR judged.is_round_high OR judged.is_unchanged_high
    AS flagged,
  CASE WHEN judged.peers < $min_peers THEN 'too few peers' END AS not_checked,
  CONCAT_WS(
    ', ',
    CASE WHEN judged.is_estimated_high THEN 'estimated readings' END,
    CASE WHEN judged.is_edited_high THEN 'edited readings' END,
    CASE WHEN judged.is_round_high THEN 'round readings' END,
    CASE WHEN judged.is_unchanged_high THEN 'unchanged readings' END
  ) AS problems,
  judged.readings,
  judged.peers,
  ROUND(judged.estimated_share, 6) AS estimated_share,
  ROUND(judged.estimated_median, 6) AS estimated_median_share,
  ROUND(judged.edited_share, 6) AS edited_share,
  ROUND(judged.edited_median, 6) AS edited_median_share,
  ROUND(judged.round_share, 6) AS round_share,
  ROUND(judged.round_median, 6) AS round_median_share,
  ROUND(judged.unchanged_share, 6) AS unchanged_share,
  ROUND(judged.unchanged_median, 6) AS unchanged_median_share,
  $z_max AS z_max,
  $min_share AS min_share
FROM judged
LEFT JOIN source.staff ON staff.staff_id = judged.staff_id
