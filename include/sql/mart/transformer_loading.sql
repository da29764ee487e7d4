/*
grain: one row per public transformer with an area point and month (P and the 11 before) that has hours of it
key: [transformer_id, period]
purpose: 'How public transformers are loaded: highest and mean load, hours above 80% and 100% of the capacity, and those that are hardly used.'
columns:
  transformer_id: {type: string, doc: The transformer.}
  period: {type: date, doc: First day of the month.}
  org_unit_id: {type: string, doc: The unit that runs it.}
  line_id: {type: string, doc: Its line.}
  rated_kva: {type: double, doc: Its capacity; without one no load is told.}
  hours: {type: integer, doc: Hours of the month with intervals of the area point.}
  highest_kw: {type: double, doc: 'Highest mean power of an hour, kW.'}
  mean_kw: {type: double, doc: 'Mean power over these hours, kW.'}
  highest_load: {type: double, doc: highest_kw over rated_kva.}
  mean_load: {type: double, doc: mean_kw over rated_kva.}
  hours_above_80: {type: integer, doc: Hours with a mean power above 80% of rated_kva.}
  hours_above_100: {type: integer, doc: Hours with a mean power above rated_kva.}
  is_underused: {type: boolean, doc: 'highest_load lies below under_use, by at least min_hours hours.'}
params:
  under_use: {type: number, default: 0.2, minimum: 0, maximum: 1, doc: Highest load of the month below which a transformer is hardly used.}
  min_hours: {type: integer, default: 480, minimum: 1, doc: Hours of the month that must be there to say so.}
*/
WITH loaded AS (
  SELECT
    transformer.transformer_id,
    MONTH_OF(area_load_daily.day) AS period,
    transformer.org_unit_id,
    transformer.line_id,
    transformer.rated_kva,
    CASE hour.no
      WHEN 0 THEN area_load_daily.h00
      WHEN 1 THEN area_load_daily.h01
      WHEN 2 THEN area_load_daily.h02
      WHEN 3 THEN area_load_daily.h03
      WHEN 4 THEN area_load_daily.h04
      WHEN 5 THEN area_load_daily.h05
      WHEN 6 THEN area_load_daily.h06
      WHEN 7 THEN area_load_daily.h07
      WHEN 8 THEN area_load_daily.h08
      WHEN 9 THEN area_load_daily.h09
      WHEN 10 THEN area_load_daily.h10
      WHEN 11 THEN area_load_daily.h11
      WHEN 12 THEN area_load_daily.h12
      WHEN 13 THEN area_load_daily.h13
      WHEN 14 THEN area_load_daily.h14
      WHEN 15 THEN area_load_daily.h15
      WHEN 16 THEN area_load_daily.h16
      WHEN 17 THEN area_load_daily.h17
      WHEN 18 THEN area_load_daily.h18
      WHEN 19 THEN area_load_daily.h19
      WHEN 20 THEN area_load_daily.h20
      WHEN 21 THEN area_load_daily.h21
      WHEN 22 THEN area_load_daily.h22
      WHEN 23 THEN area_load_daily.h23
    END AS kw
  FROM source.transformer
  JOIN facts.area_load_daily ON area_load_daily.metering_point_id = transformer.area_metering_point_id
  CROSS JOIN (
    VALUES
    (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11),
    (12), (13), (14), (15), (16), (17), (18), (19), (20), (21), (22), (23)
  ) AS hour (no)
  WHERE
    transformer.ownership = 'public'
    AND area_load_daily.day BETWEEN ADD_MONTHS($period, -11) AND $period_end
)

SELECT
  loaded.transformer_id,
  loaded.period,
  ANY_VALUE(loaded.org_unit_id) AS org_unit_id,
  ANY_VALUE(loaded.line_id) AS line_id,
  ANY_VALUE(loaded.rated_kva) AS rated_kva,
  COUNT(*) AS hours,
  MAX(loaded.kw) AS highest_kw,
  EXACT_AVG(loaded.kw) AS mean_kw,
  ROUND(RATIO(MAX(loaded.kw), ANY_VALUE(loaded.rated_kva)), 6) AS highest_load,
  ROUND(RATIO(EXACT_AVG(loaded.kw), ANY_VALUE(loaded.rated_kva)), 6) AS mean_load,
  COUNT(*) FILTER (WHERE loaded.kw > 0.8 * loaded.rated_kva) AS hours_above_80,
  COUNT(*) FILTER (WHERE loaded.kw > loaded.rated_kva) AS hours_above_100,
  COUNT(*) >= $min_hours AND RATIO(MAX(loaded.kw), ANY_VALUE(loaded.rated_kva)) < $under_use AS is_underused
FROM loaded
WHERE loaded.kw IS NOT NULL
GROUP BY loaded.transformer_id, loaded.period
